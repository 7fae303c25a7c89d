//! A plain client of Redis that reads the marks of a call's buyers with one `HMGET`: what their look-up alone costs.

use std::{io::Write as _, net::Ipv4Addr};

use anyhow::ensure;
use sale::{
    gate::admission::BATCH_MAX,
    keys::Keys,
    model::{Purchase, SaleId},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    ground::Ground,
    load::connection::{ANSWER_DEADLINE, within},
};

/// Redis' reply to a field that is not there.
const NONE: &str = "$-1\r\n";

pub(super) struct Reader {
    stream: TcpStream,
    /// The hash of a sale's buyers.
    key: String,
}

impl Reader {
    pub(super) async fn connect(ground: &Ground, sale: SaleId) -> anyhow::Result<Self> {
        let redis = ground.redis()?;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).await?;
        stream.set_nodelay(true)?;
        let key = Keys::new(&ground.stage.deployment.key_prefix).buyers(sale);
        let mut reader = Self { stream, key };
        let login = [b"AUTH".as_slice(), redis.password().as_bytes()];
        reader.ask(&login, "+OK\r\n").await?;
        Ok(reader)
    }

    /// Looks up the buyers of these purchases, as many at once as one call decides. None of them has bought.
    pub(super) async fn look_up(&mut self, purchases: &[Purchase]) -> anyhow::Result<()> {
        let key = self.key.clone();
        for batch in purchases.chunks(BATCH_MAX) {
            let buyers: Vec<[u8; 16]> = batch.iter().map(|it| it.buyer.to_bytes()).collect();
            let mut words = vec![b"HMGET".as_slice(), key.as_bytes()];
            words.extend(buyers.iter().map(<[u8; 16]>::as_slice));
            let none = format!("*{}\r\n{}", batch.len(), NONE.repeat(batch.len()));
            self.ask(&words, &none).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, words: &[&[u8]], expected: &str) -> anyhow::Result<()> {
        let mut command = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            write!(command, "${}\r\n", word.len())?;
            command.extend_from_slice(word);
            command.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&command).await?;
        let mut reply = vec![0; expected.len()];
        within(ANSWER_DEADLINE, self.stream.read_exact(&mut reply)).await?;
        ensure!(
            reply == expected.as_bytes(),
            "redis answers {}",
            String::from_utf8_lossy(&reply)
        );
        Ok(())
    }
}
