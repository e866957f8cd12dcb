//! What customers say: ratings of what they bought, answers to surveys, questions and complaints.

use crate::browsing::{Event, EventDetail, EventKind};
use crate::calendar::{DAY_S, Instant};
use crate::customer::Customer;
use crate::draw::{Choice, Draw};
use crate::habits::Channel;
use crate::history::Order;

/// An answer to one question of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// When it was given.
    pub at: Instant,
    /// Name of the question.
    pub question: &'static str,
    /// The answer as text: a number or a choice.
    pub answer: String,
    /// The answer on the question's scale; `None` for a choice.
    pub score: Option<u32>,
    /// The scale's end; `None` for a choice.
    pub score_max: Option<u32>,
}

/// A question or complaint by phone, mail or in a store. (Chats on the shop's pages are events.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it came.
    pub at: Instant,
    /// Call, email or store.
    pub channel: Channel,
    /// One of [`REASONS`].
    pub reason: &'static str,
    /// One of [`OUTCOMES`].
    pub outcome: &'static str,
}

impl Contact {
    /// Nothing has been done about it yet.
    pub fn is_open(&self) -> bool {
        self.outcome == "open"
    }
}

/// What people get in touch about; the first three are complaints.
pub const REASONS: [&str; 6] = ["damaged", "late_delivery", "wrong_item", "return", "invoice", "question"];
/// What came of it.
pub const OUTCOMES: [&str; 4] = ["resolved", "refunded", "replaced", "open"];
/// Answers to the question what people care for most.
pub const VALUES: [&str; 4] = ["price", "quality", "sustainability", "design"];

/// What a customer says about their orders.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    /// Reviews and chats.
    pub(crate) events: Vec<Event>,
    pub(crate) surveys: Vec<Survey>,
    pub(crate) contacts: Vec<Contact>,
}

/// Draws what a customer says before `end`. Who is less content rates lower and complains more.
pub(crate) fn draw_feedback(customer: &Customer, orders: &[Order], end: Instant, draw: &mut Draw) -> Feedback {
    let mut feedback = Feedback::default();
    let contentment = customer.habits.contentment;
    for (order_idx, order) in orders.iter().enumerate() {
        for line in &order.lines {
            if draw.chance(0.06) {
                let at = order.at.plus_s((3 + i64::from(draw.below(18))) * DAY_S);
                let mood = contentment + 0.5 * (draw.unit() - 0.5);
                let rating = (1.0 + 4.0 * mood + 0.5).clamp(1.0, 5.0) as u8;
                let sentiment_milli = ((mood * 2.0 - 1.0) * 900.0).clamp(-1000.0, 1000.0) as i16;
                let detail = EventDetail::Review { rating, sentiment_milli };
                let item_idx = Some(line.item_idx);
                feedback.push_event(
                    Event {
                        at,
                        kind: EventKind::Review,
                        session_idx: None,
                        item_idx,
                        order_idx: Some(order_idx),
                        detail,
                    },
                    end,
                );
            }
        }
        if draw.chance(0.02 + 0.10 * (1.0 - contentment)) {
            let at = order.at.plus_s((1 + i64::from(draw.below(10))) * DAY_S);
            let complaint = draw.chance(1.0 - 0.6 * contentment);
            let reason = if complaint { REASONS[draw.below(3) as usize] } else { REASONS[3 + draw.below(3) as usize] };
            let recent = at.plus_s(14 * DAY_S) >= end;
            let outcome =
                if recent && draw.chance(0.6) { "open" } else { OUTCOMES[Choice::new([60, 20, 18, 2]).pick(draw)] };
            if draw.chance(0.4) {
                let detail = EventDetail::Contact { reason, outcome };
                feedback.push_event(
                    Event {
                        at,
                        kind: EventKind::ServiceContact,
                        session_idx: None,
                        item_idx: None,
                        order_idx: Some(order_idx),
                        detail,
                    },
                    end,
                );
            } else if at < end {
                let channel = draw.one_of(&[Channel::Call, Channel::Email, Channel::Store]);
                feedback.contacts.push(Contact { at, channel, reason, outcome });
            }
        }
    }
    if let Some(last) = orders.last()
        && draw.chance(0.1)
    {
        draw_survey(customer, last.at.plus_s(7 * DAY_S), end, &mut feedback, draw);
    }
    feedback
}

impl Feedback {
    fn push_event(&mut self, event: Event, end: Instant) {
        if event.at < end {
            self.events.push(event);
        }
    }
}

/// One survey has three questions: would you recommend us (0 to 10), how content are you (1 to 5), what matters most.
fn draw_survey(customer: &Customer, at: Instant, end: Instant, feedback: &mut Feedback, draw: &mut Draw) {
    let contentment = customer.habits.contentment;
    let mood = |draw: &mut Draw| (contentment + 0.3 * (draw.unit() - 0.5)).clamp(0.0, 1.0);
    let recommend = (mood(draw) * 10.0 + 0.5) as u32;
    let content = 1 + (mood(draw) * 4.0 + 0.5) as u32;
    let value =
        if draw.chance(0.7) && customer.habits.discount.chance() > 0.5 { VALUES[0] } else { draw.one_of(&VALUES) };
    if at >= end {
        return;
    }
    let scored = |question, score: u32, max| Survey {
        at,
        question,
        answer: score.to_string(),
        score: Some(score),
        score_max: Some(max),
    };
    feedback.surveys.extend([
        scored("recommend", recommend, 10),
        scored("content", content, 5),
        Survey { at, question: "matters_most", answer: value.to_owned(), score: None, score_max: None },
    ]);
}
