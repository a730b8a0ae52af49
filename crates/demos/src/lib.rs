//! Demo slots, holds and bookings of the operator.

pub mod bookings;
pub mod slots;
