//! The OpenAPI document of every endpoint, made from the types of the wire.
