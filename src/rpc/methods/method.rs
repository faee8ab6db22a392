//! A row of the table of methods.

use serde_json::Value;

use crate::rpc::{
    continuation::{Continuation, Shared},
    error::RpcError,
    params::Args,
    schema::{Property, Schema},
};

/// The function of a method.
pub type Handler = fn(&Shared, &Args) -> Result<Continuation, RpcError>;

/// A method.
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [Property],
    /// What it does, in a line.
    pub summary: &'static str,
    /// What it returns, in a line.
    pub returns: &'static str,
    /// The type of what it returns.
    pub result: Schema,
    /// The codes of its errors, besides those that any method may answer.
    pub errors: &'static [i32],
    /// The function that carries it out.
    pub handler: Handler,
}

impl Method {
    /// Starts a call.
    pub fn start(&self, context: &Shared, params: Value) -> Continuation {
        Args::read(self.params, params).and_then(|args| (self.handler)(context, &args)).into()
    }

    /// The name and the parameters, optional ones in brackets.
    pub fn usage(&self) -> String {
        let word =
            |param: &Property| if param.required { format!(" {}", param.name) } else { format!(" [{}]", param.name) };
        let params: String = self.params.iter().map(word).collect();
        format!("{}{params}", self.name)
    }
}
