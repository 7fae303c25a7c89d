//! Health and the queue, as probes, scripts and the old app's monitoring read them.

use serde_json::{Value, json};

use super::{BASES, OldClient, assert_members, start};

#[tokio::test]
async fn probes_are_answered() {
    let api = start().await;
    for base in BASES {
        let anyone = OldClient::anyone(&api, base);
        for (path, status) in [
            ("/health", "healthy"),
            ("/health/ready", "ready"),
            ("/health/live", "alive"),
        ] {
            let answer = anyone.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            let reply = answer.json();
            assert_eq!(reply["status"], status, "{path}");
            assert_members(&reply, &["timestamp"]);
        }
        let health = anyone.get("/health").await.json();
        assert!(health["uptime"].is_number(), "{health}");
        assert_members(&health["services"], &["database", "redis"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn the_queue_is_healthy_where_everything_is_recorded() {
    let api = start().await;
    for base in BASES {
        let answer = OldClient::anyone(&api, base).get("/queue/health").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let health = answer.json();
        assert_eq!(health["status"], "healthy");
        assert_eq!(health["system"]["isRunning"], true);
        assert_eq!(health["system"]["worker"]["isProcessing"], true);
        assert_members(&health, &["timestamp"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn the_queue_counts_jobs_and_workers() {
    let api = start().await;
    for base in BASES {
        let admin = OldClient::with_token(&api, base, &api.admin);
        let answer = admin.get("/queue/stats").await;
        let stats = answer.data();
        assert_eq!(
            stats["queue"],
            json!({ "waiting": 0, "active": 0, "completed": 0, "failed": 0, "total": 0 })
        );
        assert_eq!(
            stats["workers"],
            json!({ "total": 0, "active": 0, "idle": 0 })
        );
        for name in ["averageProcessingTime", "jobsPerSecond"] {
            assert!(stats["performance"][name].is_number(), "{name} in {stats}");
        }
        assert_eq!(stats["isRunning"], Value::Bool(true));
        assert_eq!(stats["worker"]["isProcessing"], true);
    }
    api.stop().await;
}
