//! From a report to a recording in our own storage.

use platform::ids::OrgId;
use serde_json::json;
use voice::calls::jobs::index_all;
use voice::recordings::model::{Channel, State};
use voice::recordings::of_call;

use crate::messages;
use crate::support::Desk;

#[tokio::test]
async fn a_report_with_recordings_makes_a_row_for_each_sound_once() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour Dental").await;
    let mut report = messages::report();
    report["message"]["artifact"]["recording"] = json!({
        "stereoUrl": "https://storage.example.test/call-1-stereo.wav",
        "videoUrl": "https://storage.example.test/call-1-video.mp4",
        "mono": {
            "combinedUrl": "https://storage.example.test/call-1-mono.wav",
            "assistantUrl": "https://storage.example.test/call-1-assistant.wav",
            "customerUrl": "https://storage.example.test/call-1-customer.wav",
        },
    });
    let call = desk.take(Some(org), &report).await.call_id.unwrap();
    index_all(&desk.tenancy).await.unwrap();
    // A repetition that knows more is followed up as well.
    report["message"]["artifact"]["recording"]["mono"]["combinedUrl"] =
        json!("https://storage.example.test/longer/name.wav");
    desk.take(Some(org), &report).await;
    index_all(&desk.tenancy).await.unwrap();
    let mut tx = desk.tenancy.tenant(org).await.unwrap();
    let found = of_call(&mut tx, call).await.unwrap();
    let channels: Vec<Channel> = found.iter().map(|recording| recording.channel).collect();
    assert_eq!(channels, [Channel::Stereo, Channel::Mono, Channel::Agent, Channel::Caller], "no picture");
    assert!(found.iter().all(|recording| recording.state == State::Pending && recording.attempts == 0));
    let stranger: OrgId = desk.db.organization("Beacon Dental").await;
    let mut tx = desk.tenancy.tenant(stranger).await.unwrap();
    assert!(of_call(&mut tx, call).await.unwrap().is_empty(), "nobody else's");
}
