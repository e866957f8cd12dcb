//! Numbers to codes and back. Codes are found by rounding to the nearest one, half a step upwards; a value outside the
//! range takes the nearest end. `libm` gives the same `exp` and `ln` on every machine.

use crate::schema::Scale;

/// The code of a number on a scale, within `0..=code_max`. `number` is not NaN.
pub(crate) fn scaled_code(number: f64, scale: Scale, zero: f64, step: f64, code_max: u64) -> u64 {
    let place = match scale {
        Scale::Linear => (number - zero) / step,
        // The comparison also keeps the logarithm off zero and negative numbers.
        Scale::Log if number > zero => libm::log(number / zero) / step,
        Scale::Log => 0.0,
    };
    // A cast from float to integer saturates, and the range is at most 32 bits wide.
    (libm::floor(place + 0.5) as u64).min(code_max)
}

/// The number that a code of a scale stands for.
pub(crate) fn scaled_number(code: u64, scale: Scale, zero: f64, step: f64) -> f64 {
    match scale {
        Scale::Linear => zero + code as f64 * step,
        Scale::Log => zero * libm::exp(code as f64 * step),
    }
}

/// The code of a positive weight, within `1..=code_max`. Not NaN.
pub(crate) fn weight_code(weight: f32, weight_max: f32, code_max: u64) -> u64 {
    let place = f64::from(weight) / f64::from(weight_max) * code_max as f64;
    (libm::floor(place + 0.5) as u64).clamp(1, code_max.max(1))
}

/// The weight that a code stands for.
pub(crate) fn weight(code: u64, weight_max: f32, code_max: u64) -> f32 {
    (code as f64 * f64::from(weight_max) / code_max as f64) as f32
}

/// The code of a component of a vector, within -127..=127. Not NaN.
pub(crate) fn component_code(component: f32, scale: f32) -> i8 {
    let place = f64::from(component) / f64::from(scale);
    libm::floor(place + 0.5).clamp(-127.0, 127.0) as i8
}
