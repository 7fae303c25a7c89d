//! Hints that entries were posted: a message on a channel, from the reconciler to processes whose callers wait for an
//! order. A message may be lost, and does not say what became of an order: the ledger does.

use std::{sync::Arc, time::Duration};

use fred::{
    clients::SubscriberClient,
    interfaces::{ClientLike, EventInterface, PubsubInterface},
    types::Message,
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

use super::{Gate, GateError, builder};
use crate::{connections::RedisSettings, keys::Keys, model::SaleId};

/// Pause between attempts to subscribe.
const SUBSCRIBE_PAUSE: Duration = Duration::from_secs(1);

impl Gate {
    /// Announces that entries of a sale were posted.
    pub async fn announce_posted(&self, sale: SaleId) -> Result<(), GateError> {
        let channel = self.keys.posted();
        self.client()
            .publish::<(), _, _>(channel, sale.to_string())
            .await?;
        Ok(())
    }
}

/// Receives hints, on a connection of its own.
pub struct Hints {
    client: SubscriberClient,
    messages: Receiver<Message>,
    _listening: Arc<AbortOnDropHandle<()>>,
}

impl Hints {
    /// Receives hints from now on. While Redis is away none arrive. Fails if the settings cannot be used.
    pub fn listen(settings: &RedisSettings) -> Result<Self, GateError> {
        let connection = settings.connection()?;
        let client = builder(settings, &connection).build_subscriber_client()?;
        let messages = client.message_rx();
        let channel = Keys::new(&settings.key_prefix).posted();
        let listening = tokio::spawn(subscribe(client.clone(), channel));
        Ok(Self {
            client,
            messages,
            _listening: Arc::new(AbortOnDropHandle::new(listening)),
        })
    }

    /// Receives the same hints from now on, on the same connection.
    pub fn also(&self) -> Self {
        Self {
            client: self.client.clone(),
            messages: self.messages.resubscribe(),
            _listening: Arc::clone(&self._listening),
        }
    }

    /// Waits for a hint, and returns its sale; `None` if messages were lost. After the connection has ended it waits
    /// for ever.
    pub async fn posted(&mut self) -> Option<SaleId> {
        match self.messages.recv().await {
            Ok(message) => message.value.as_str()?.parse().ok(),
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// A handle that ends the connection.
    pub fn connection(&self) -> HintsConnection {
        HintsConnection(self.client.clone())
    }
}

/// Subscribes, however long it takes. After that the client subscribes again with each new connection.
async fn subscribe(client: SubscriberClient, channel: String) {
    client.manage_subscriptions();
    loop {
        let subscribing = async {
            if !client.is_connected() {
                client.init().await?;
            }
            client.subscribe(channel.clone()).await
        };
        match subscribing.await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "hints cannot be heard yet"),
        }
        sleep(SUBSCRIBE_PAUSE).await;
    }
}

/// The connection on which hints arrive.
#[derive(Clone)]
pub struct HintsConnection(SubscriberClient);

impl HintsConnection {
    /// Ends it.
    pub async fn disconnect(&self) {
        if let Err(error) = self.0.quit().await {
            tracing::debug!(%error, "the connection of hints did not end cleanly");
        }
    }
}
