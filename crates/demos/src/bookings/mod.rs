pub mod form;
pub mod phone;
