//! What everything else stands on: bounds, names with generations, tables that grow, and the deeds of parts.
//! Nothing here knows of children, sessions or messages.

pub(crate) mod blame;
pub mod bounds;
pub(crate) mod deed;
pub(crate) mod growing;
pub(crate) mod id;
pub(crate) mod members;
pub(crate) mod names;
pub(crate) mod outcomes;
pub(crate) mod pool;
pub(crate) mod slab;
pub(crate) mod stream;
