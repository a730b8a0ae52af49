//! Every known ending, and those to come.

use providers::vapi::{EndedClass as Class, FailureCause as Cause, Outcome, classify};

/// Every value of `endedReason` in Vapi's schema, each once.
const KNOWN: &str = include_str!("../../fixtures/vapi/ended-reasons.txt");

#[test]
fn every_documented_reason_has_a_class() {
    let reasons: Vec<&str> = KNOWN.lines().collect();
    assert_eq!(reasons.len(), 595);
    let unknown: Vec<_> = reasons.iter().filter(|reason| classify(reason) == Class::Unknown).collect();
    assert!(unknown.len() * 20 < reasons.len(), "{} unknown: {unknown:?}", unknown.len());
    assert!(unknown.is_empty(), "a new schema brought reasons no rule covers: {unknown:?}");
}

#[test]
fn faults_are_failures_and_ordinary_endings_are_not() {
    for reason in KNOWN.lines() {
        let is_fault = ["vapifault", "providerfault", "pipeline-error"].iter().any(|mark| reason.contains(mark));
        if is_fault {
            assert!(classify(reason).is_failure(), "{reason}");
        }
    }
    let failures = KNOWN.lines().filter(|reason| classify(reason).is_failure()).count();
    assert_eq!(KNOWN.lines().count() - failures, 30, "ordinary endings");
}

#[test]
fn the_endings_people_see_every_day_are_right() {
    for (reason, class) in [
        ("customer-ended-call", Class::CustomerHungUp),
        ("customer-ended-call-before-warm-transfer", Class::CustomerHungUp),
        ("call.ringing.sip-inbound-caller-hungup-before-call-connect", Class::CustomerHungUp),
        ("assistant-ended-call", Class::AgentEnded),
        ("assistant-said-end-call-phrase", Class::AgentEnded),
        ("assistant-forwarded-call", Class::Transferred),
        ("assistant-request-returned-forwarding-phone-number", Class::Transferred),
        ("voicemail", Class::Voicemail),
        ("customer-did-not-answer", Class::NoAnswer),
        ("call.forwarding.no-answer", Class::NoAnswer),
        ("customer-busy", Class::Busy),
        ("silence-timed-out", Class::Silence),
        ("exceeded-max-duration", Class::MaxDuration),
        ("manually-canceled", Class::Cancelled),
        ("call-deleted", Class::Cancelled),
        ("vonage-completed", Class::Completed),
        ("call.in-progress.twilio-completed-call", Class::Completed),
        ("twilio-failed-to-connect-call", Class::Failed(Cause::Telephony)),
        (
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
            Class::Failed(Cause::Telephony),
        ),
        ("call.start.error-subscription-insufficient-credits", Class::Failed(Cause::Billing)),
        ("call.in-progress.error-vapifault-worker-died", Class::Failed(Cause::Platform)),
        ("pipeline-error-openai-429-rate-limit-reached", Class::Failed(Cause::Vendor)),
        ("assistant-request-returned-no-assistant", Class::Failed(Cause::Configuration)),
    ] {
        assert_eq!(classify(reason), class, "{reason}");
    }
}

#[test]
fn reasons_nobody_has_seen_yet_follow_the_pattern() {
    for (reason, class) in [
        ("pipeline-error-brand-new-llm-503-overloaded", Class::Failed(Cause::Vendor)),
        ("call.in-progress.error-vapifault-brand-new-voice-failed", Class::Failed(Cause::Platform)),
        ("call.in-progress.error-providerfault-brand-new-500", Class::Failed(Cause::Vendor)),
        ("call.start.error-subscription-past-due", Class::Failed(Cause::Billing)),
        ("customer-ended-call-while-on-hold", Class::CustomerHungUp),
        ("telnyx-failed-to-connect-call", Class::Failed(Cause::Telephony)),
        (" Voicemail ", Class::Voicemail),
        ("an-eclipse", Class::Unknown),
        ("", Class::Unknown),
        ("\u{1f319}", Class::Unknown),
    ] {
        assert_eq!(classify(reason), class, "{reason:?}");
    }
}

#[test]
fn every_class_has_a_sentence_and_an_outcome_that_agree() {
    for reason in KNOWN.lines().chain(["an-eclipse"]) {
        let class = classify(reason);
        let sentence = class.sentence();
        assert!(sentence.starts_with(char::is_uppercase) && !sentence.contains(['.', '_']), "{sentence}");
        assert_eq!(class.outcome() == Outcome::Failed, class.is_failure(), "{reason}");
    }
    assert_eq!(classify("customer-ended-call").sentence(), "Caller hung up");
    assert_eq!(classify("customer-busy").outcome(), Outcome::NotReached);
}
