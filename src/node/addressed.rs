//! Values that know which role they are for.

/// Defines an enum with one variant for each role, of a type that only this role hears. Its values know their role; each
/// of the types converts into the enum, and back if it is for that role.
macro_rules! addressed {
    ($(#[$doc:meta])* pub enum $any:ident { $($role:ident($own:ident),)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $any {
            $(#[doc = concat!("For the role `RoleId::", stringify!($role), "`.")] $role($own),)*
        }

        impl $any {
            /// The role that hears it.
            pub fn role(&self) -> $crate::node::RoleId {
                match self {
                    $(Self::$role(_) => $crate::node::RoleId::$role,)*
                }
            }
        }

        $(
            impl From<$own> for $any {
                fn from(own: $own) -> Self {
                    Self::$role(own)
                }
            }

            impl TryFrom<$any> for $own {
                type Error = $any;

                fn try_from(any: $any) -> Result<Self, $any> {
                    match any {
                        $any::$role(own) => Ok(own),
                        other => Err(other),
                    }
                }
            }
        )*
    };
}

pub(crate) use addressed;
