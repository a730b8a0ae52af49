//! Demo slots, holds and bookings of the operator.
