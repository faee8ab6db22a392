//! Settings: defaults < `--config FILE` or `<data-dir>/config.toml` < `TUSSOCK_*` < flags.
//!
//! One struct per group of settings serves as flags, environment and file, so that a setting has the same name and form
//! in all three. The program reads configuration files and never writes one.

mod chain;
mod error;
mod file;
mod flags;
mod flush;
mod forms;
mod home;
mod join;
pub mod keep;
mod sample;
mod settings;
mod suggest;
#[cfg(test)]
mod tests;
mod upload;
pub mod values;
mod variables;
mod words;

pub use chain::{CHAIN_FILE, chains_in};
pub use error::ConfigError;
pub use flags::{CommonFlags, KEYS, NodeFlags};
pub use flush::FlushInterval;
pub use home::default_data_dir;
pub use join::{JoinBlock, JoinFrom};
pub use keep::KeepSetting;
pub use sample::SAMPLE;
pub use settings::{Settings, Sources};
pub use suggest::suggest;
pub use upload::UploadLimit;
pub use variables::{empty_variables, shown_setting, variable_with};
pub use words::{plain_toml, plainer};
