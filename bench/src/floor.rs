//! Services that decide nothing, as limits of an API: the cost of receiving a request, checking its token and
//! answering, in the same framework.

use std::{fs, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use identity::{
    settings::TokenSettings,
    token::{Caller, Tokens},
};
use poem::{
    EndpointExt, Request, Response, Route, Server,
    error::Unauthorized,
    get, handler,
    http::{StatusCode, header},
    listener::TcpListener,
    post,
    web::Data,
};
use poem_openapi::{ApiResponse, Object, OpenApi, OpenApiService, payload::Json};
use process::settings::WorkerSettings;
use strum::IntoStaticStr;
use uuid::Uuid;

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Kind {
    /// A bare poem POST that checks the token and returns a fixed body.
    Bare,
    /// A poem-openapi POST with the body and the reply of a purchase.
    Openapi,
    /// A bare poem GET that returns a fixed body.
    Look,
    /// The same, which checks the token before.
    OwnLook,
}

/// Settings of a limit.
#[derive(Debug, Args)]
pub struct Floor {
    /// Which
    #[arg(long, value_enum)]
    kind: Kind,

    /// Where to listen
    #[arg(long)]
    address: SocketAddr,

    /// The file with the body of the answers to looks
    #[arg(long)]
    body: Option<PathBuf>,

    /// How tokens are signed.
    #[command(flatten)]
    token: TokenSettings,

    /// With how many threads: as the API.
    #[command(flatten)]
    pub(super) workers: WorkerSettings,
}

/// Serves until the process is killed.
pub async fn serve(settings: &Floor) -> anyhow::Result<ExitCode> {
    let tokens = Arc::new(Tokens::new(&settings.token)?);
    let body = settings.body.as_ref().map(fs::read).transpose()?;
    let body = Body(body.unwrap_or_default().into());
    let app = match settings.kind {
        Kind::Bare => Route::new().at("/api/purchase", post(bare)),
        Kind::Look => Route::new().at("/api/flash-sale/status", get(look)),
        Kind::OwnLook => Route::new().at("/api/flash-sale/status", get(own_look)),
        Kind::Openapi => Route::new().nest(
            "/api",
            OpenApiService::new(Purchases, "limit", "1").url_prefix("/api"),
        ),
    };
    let server = Server::new(TcpListener::bind(settings.address));
    server.run(app.data(tokens).data(body)).await?;
    Ok(ExitCode::SUCCESS)
}

/// The caller of a request.
fn caller(request: &Request, tokens: &Tokens) -> poem::Result<Caller> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    tokens.verify(token).map_err(Unauthorized)
}

#[handler]
fn bare(request: &Request, Data(tokens): Data<&Arc<Tokens>>) -> poem::Result<Response> {
    caller(request, tokens)?;
    let answer = Response::builder()
        .status(StatusCode::ACCEPTED)
        .content_type("application/json")
        .body(r#"{"success":true}"#);
    Ok(answer)
}

/// The body of the answers to looks.
#[derive(Debug, Clone)]
struct Body(Bytes);

#[handler]
fn look(Data(body): Data<&Body>) -> Response {
    Response::builder()
        .content_type("application/json")
        .body(body.0.clone())
}

#[handler]
fn own_look(
    request: &Request,
    Data(tokens): Data<&Arc<Tokens>>,
    Data(body): Data<&Body>,
) -> poem::Result<Response> {
    caller(request, tokens)?;
    let answer = Response::builder()
        .content_type("application/json")
        .body(body.0.clone());
    Ok(answer)
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct Wanted {
    sale_id: Uuid,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct Accepted {
    success: bool,
    message: String,
    data: Queued,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct Queued {
    job_id: Uuid,
    order_id: Uuid,
    sale_id: Uuid,
    status: String,
    estimated_wait_time: u32,
}

#[derive(ApiResponse)]
enum Purchased {
    #[oai(status = 202)]
    Accepted(Json<Accepted>, #[oai(header = "Location")] String),
}

struct Purchases;

#[OpenApi]
impl Purchases {
    /// Buy.
    #[oai(path = "/purchase", method = "post")]
    async fn purchase(
        &self,
        request: &Request,
        Data(tokens): Data<&Arc<Tokens>>,
        Json(wanted): Json<Wanted>,
    ) -> poem::Result<Purchased> {
        caller(request, tokens)?;
        let order = Uuid::now_v7();
        let accepted = Accepted {
            success: true,
            message: "The unit is yours.".to_owned(),
            data: Queued {
                job_id: order,
                order_id: order,
                sale_id: wanted.sale_id,
                status: "queued".to_owned(),
                estimated_wait_time: 1,
            },
        };
        let location = format!("/api/orders/{order}");
        Ok(Purchased::Accepted(Json(accepted), location))
    }
}
