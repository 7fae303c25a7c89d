//! Hints that something was posted: a message on a channel, from the reconciler to whoever waits for
//! an order. A message may be lost, and says nothing of what became of an order: the ledger does.

use fred::{
    clients::SubscriberClient,
    interfaces::{ClientLike, EventInterface, PubsubInterface},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Gate, GateError, builder};
use crate::{keys::Keys, model::SaleId, settings::RedisSettings};

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
    messages: Receiver<fred::types::Message>,
}

impl Hints {
    /// Hears what is said from now on. Where Redis is away nothing is heard until it is back.
    ///
    /// # Errors
    /// Where the settings are no good.
    pub fn listen(settings: &RedisSettings) -> Result<Self, GateError> {
        let client = builder(settings)?.build_subscriber_client()?;
        let messages = client.message_rx();
        let hints = Self {
            client: client.clone(),
            messages,
        };
        let channel = Keys::new(&settings.key_prefix).posted();
        tokio::spawn(async move {
            client.manage_subscriptions();
            let listening = async {
                client.init().await?;
                client.subscribe(channel).await
            };
            if let Err(error) = listening.await {
                tracing::warn!(%error, "hints can not be heard");
            }
        });
        Ok(hints)
    }

    /// Waits until something was posted; for ever once the connection was ended.
    pub async fn posted(&mut self) {
        match self.messages.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
        // Many at once are one.
        self.messages = self.messages.resubscribe();
    }

    /// A handle that ends the connection.
    pub fn connection(&self) -> HintsConnection {
        HintsConnection(self.client.clone())
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
