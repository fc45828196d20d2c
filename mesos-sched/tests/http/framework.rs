//! A framework as a client would write it.

use std::net::SocketAddr;

use mesos_core::wire::v1::scheduler::{Call, Event};
use serde_json::{Value, json};

use super::client::{Answer, Media, Stream, ask, headers_of, send, written};

pub(crate) const PATH: &str = "/api/v1/scheduler";
pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

/// A framework that has subscribed.
pub(crate) struct Framework {
    pub(crate) address: SocketAddr,
    pub(crate) id: String,
    pub(crate) stream_id: String,
    pub(crate) stream: Stream,
    /// How it sends and takes messages.
    pub(crate) media: Media,
    /// More headers of every request.
    who: String,
}

impl Framework {
    pub(crate) async fn subscribe(address: SocketAddr, info: Value) -> Self {
        Self::subscribe_as("", address, info).await
    }

    /// As a client that sends and takes messages in this form.
    pub(crate) async fn subscribe_in(media: Media, address: SocketAddr, info: Value) -> Self {
        Self::subscribe_with(media, "", 15.0, address, info).await
    }

    /// As somebody who says who they are in these headers.
    pub(crate) async fn subscribe_as(who: &str, address: SocketAddr, info: Value) -> Self {
        Self::subscribe_with(Media::Json, who, 15.0, address, info).await
    }

    /// The same, where a heartbeat is promised every so many seconds.
    pub(crate) async fn subscribe_with(
        media: Media,
        who: &str,
        heartbeat_every: f64,
        address: SocketAddr,
        info: Value,
    ) -> Self {
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let headers = format!("{}{who}Connection: close\r\n", headers_of(media));
        let stream = send(address, "POST", PATH, &headers, written::<Call>(media, &call)).await;
        let mut stream = stream.of::<Event>(media);
        let (status, headers) = stream.head().await;
        assert_eq!(status, 200);
        let value = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        assert_eq!(value("Content-Type").as_deref(), Some(media.name()));
        assert_eq!(value("Transfer-Encoding").as_deref(), Some("chunked"));
        let stream_id = value("Mesos-Stream-Id").expect("the spelling is that of Mesos");
        let subscribed = stream.record().await.unwrap();
        assert_eq!(subscribed["type"], "SUBSCRIBED");
        let subscribed = &subscribed["subscribed"];
        assert_eq!(subscribed["heartbeat_interval_seconds"], heartbeat_every);
        assert_eq!(subscribed["master_info"]["port"], address.port());
        let id = subscribed["framework_id"]["value"].as_str().unwrap().to_owned();
        Self { address, id, stream_id, stream, media, who: who.to_owned() }
    }

    pub(crate) async fn call(&self, mut call: Value) -> Answer {
        call["framework_id"] = json!({"value": self.id});
        let headers = format!("{}{}mesos-stream-id: {}\r\n", headers_of(self.media), self.who, self.stream_id);
        ask(self.address, "POST", PATH, &headers, written::<Call>(self.media, &call)).await
    }

    pub(crate) async fn call_accepted(&self, call: Value) {
        let answer = self.call(call).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!((answer.body.len(), answer.header("content-type")), (0, None));
    }

    pub(crate) async fn update(&mut self, task: &str) -> Value {
        loop {
            let status = self.stream.event("UPDATE").await["update"]["status"].take();
            if status["task_id"]["value"] == task {
                return status;
            }
        }
    }

    pub(crate) async fn operation(&mut self, id: &str) -> Value {
        loop {
            let mut event = self.stream.event("UPDATE_OPERATION_STATUS").await;
            let status = event["update_operation_status"]["status"].take();
            if status["operation_id"]["value"] == id {
                return status;
            }
        }
    }

    pub(crate) async fn acknowledge(&self, status: &Value) {
        let acknowledge = json!({"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]});
        self.call_accepted(json!({"type": "ACKNOWLEDGE", "acknowledge": acknowledge})).await;
    }
}

pub(crate) fn info() -> Value {
    json!({"user": "root", "name": "test", "failover_timeout": 100})
}

pub(crate) fn task(id: &str, agent: &Value, line: &str) -> Value {
    json!({
        "name": id, "task_id": {"value": id}, "agent_id": agent, "command": {"value": line},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
            {"name": "gpus", "type": "SCALAR", "scalar": {"value": 0}},
        ],
    })
}

impl Framework {
    /// The next offer.
    pub(crate) async fn offer(&mut self) -> Value {
        self.stream.event("OFFERS").await["offers"]["offers"][0].take()
    }

    /// Accepts an offer to run these tasks.
    pub(crate) async fn launch(&self, offer: &Value, tasks: &[Value]) {
        let operations = json!([{"type": "LAUNCH", "launch": {"task_infos": tasks}}]);
        let accept = json!({"offer_ids": [offer["id"]], "operations": operations});
        self.call_accepted(json!({"type": "ACCEPT", "accept": accept})).await;
    }
}
