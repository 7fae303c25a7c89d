//! Hints that something was posted: a message on a channel, from the reconciler to whoever waits for
//! an order. A message may be lost, and says nothing of what became of an order: the ledger does.

use std::time::Duration;

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
use crate::{keys::Keys, model::SaleId, settings::RedisSettings};

/// Pause between attempts to subscribe.
const SUBSCRIBE_PAUSE: Duration = Duration::from_secs(1);

impl Gate {
    /// Says that something of a sale was posted.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub async fn announce_posted(&self, sale: SaleId) -> Result<(), GateError> {
        let channel = self.keys.posted();
        self.client()
            .publish::<(), _, _>(channel, sale.to_string())
            .await?;
        Ok(())
    }
}

/// Hears hints, on a connection of its own.
pub struct Hints {
    client: SubscriberClient,
    messages: Receiver<Message>,
    _listening: AbortOnDropHandle<()>,
}

impl Hints {
    /// Hears what is said from now on. Where Redis is away nothing is heard until it is back.
    ///
    /// # Errors
    /// Where the settings are no good.
    pub fn listen(settings: &RedisSettings) -> Result<Self, GateError> {
        let connection = settings.connection()?;
        let client = builder(settings, &connection).build_subscriber_client()?;
        let messages = client.message_rx();
        let channel = Keys::new(&settings.key_prefix).posted();
        let listening = tokio::spawn(subscribe(client.clone(), channel));
        Ok(Self {
            client,
            messages,
            _listening: AbortOnDropHandle::new(listening),
        })
    }

    /// Waits until something was posted, and tells of which sale; `None` where messages were lost.
    /// For ever once the connection was ended.
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

/// Subscribes, however long it takes. From then on the client does it again with each connection.
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

/// The connection by which hints come.
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
