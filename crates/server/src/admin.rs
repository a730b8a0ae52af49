//! `voxanne admin …`: what an operator does from the command line.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use identity::organizations::actions::{add_owner, create_organization, organization_exists};
use identity::organizations::model::NewOrganization;
use platform::audit::Actor;
use platform::clock::Clock;
use platform::config::Config;
use platform::ids::{ConnectionId, OrgId};
use platform::secret::Secret;
use platform::tenancy::Tenancy;
use providers::vapi::signature::WebhookAuth;
use serde_json::json;
use voice::connections::actions::{NewConnection, create_connection, remove_api_key, set_api_key};
use voice::numbers::actions::{Mapping, map_number};

use crate::cli::{say, secret_from_file, secret_from_stdin};
use crate::database::{self, Database};

/// Administration commands.
#[derive(Subcommand, Debug)]
pub enum AdminCommand {
    /// Makes an organization and its owner.
    CreateOrg(CreateOrg),
    /// Makes somebody an owner of an organization that is there, for example one that was imported.
    AddOwner(AddOwner),
    /// Makes a provider connection for an organization and prints its webhook address.
    ConnectProvider(ConnectProvider),
    /// Keeps a connection's private key at the provider, in the place of the one before it.
    SetProviderKey(SetProviderKey),
    /// Lets an agent answer a phone number.
    MapNumber(MapNumber),
    /// Makes a user an operator of this installation.
    GrantOperator {
        /// The user's e-mail address.
        #[arg(long)]
        email: String,
    },
}

/// Options of `admin create-org`.
#[derive(Args, Debug)]
pub struct CreateOrg {
    /// Name of the practice.
    #[arg(long)]
    name: String,
    /// E-mail address of its owner.
    #[arg(long)]
    owner_email: String,
    /// Name of its owner.
    #[arg(long, default_value = "Owner")]
    owner_name: String,
    /// Time zone of the practice.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Reads the owner's password from standard input.
    #[arg(long, required_unless_present = "password_file")]
    password_stdin: bool,
    /// Reads the owner's password from a file.
    #[arg(long, conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Options of `admin add-owner`.
#[derive(Args, Debug)]
pub struct AddOwner {
    /// The organization.
    #[arg(long)]
    org: OrgId,
    /// E-mail address of the owner.
    #[arg(long)]
    email: String,
    /// Name of the owner.
    #[arg(long, default_value = "Owner")]
    name: String,
    /// Reads the password from standard input: a new one, or that of the person's account.
    #[arg(long, required_unless_present = "password_file")]
    password_stdin: bool,
    /// Reads the password from a file.
    #[arg(long, conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
}

/// Options of `admin connect-provider`.
#[derive(Args, Debug)]
pub struct ConnectProvider {
    /// The organization.
    #[arg(long)]
    org: OrgId,
    /// The provider.
    #[arg(long, value_parser = ["vapi"])]
    provider: String,
    /// Your name for the connection.
    #[arg(long, default_value = "Vapi")]
    label: String,
    /// Reads the webhook secret from standard input.
    #[arg(long, required_unless_present = "secret_file")]
    secret_stdin: bool,
    /// Reads the webhook secret from a file.
    #[arg(long, conflicts_with = "secret_stdin")]
    secret_file: Option<PathBuf>,
    /// Reads the private key at the provider from a file.
    #[arg(long)]
    api_key_file: Option<PathBuf>,
    /// How events are verified, as JSON; by default the secret itself in `X-Vapi-Secret` or as bearer token.
    #[arg(long)]
    auth: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Options of `admin set-provider-key`.
#[derive(Args, Debug)]
pub struct SetProviderKey {
    /// The organization.
    #[arg(long)]
    org: OrgId,
    /// The connection.
    #[arg(long)]
    connection: ConnectionId,
    /// Reads the private key from a file.
    #[arg(long, required_unless_present = "remove")]
    api_key_file: Option<PathBuf>,
    /// Forgets the private key instead.
    #[arg(long, conflicts_with = "api_key_file")]
    remove: bool,
}

/// Options of `admin map-number`.
#[derive(Args, Debug)]
pub struct MapNumber {
    /// The organization.
    #[arg(long)]
    org: OrgId,
    /// The number in E.164 form.
    #[arg(long)]
    number: String,
    /// The provider's id of the number.
    #[arg(long)]
    provider_number_id: Option<String>,
    /// Name of the agent, as people see it.
    #[arg(long, default_value = "Receptionist")]
    agent: String,
    /// The provider's id of the assistant that answers.
    #[arg(long)]
    assistant_id: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs an administration command.
pub async fn run(config: &Config, command: AdminCommand) -> anyhow::Result<()> {
    let database = Database::for_command(config).await?;
    let done = async {
        database.prepare().await?;
        let tenancy = database.tenancy(2).await?;
        match command {
            AdminCommand::CreateOrg(arguments) => create_org(&tenancy, arguments).await,
            AdminCommand::AddOwner(arguments) => add_one_owner(&tenancy, &arguments).await,
            AdminCommand::ConnectProvider(arguments) => connect_provider(config, &tenancy, arguments).await,
            AdminCommand::SetProviderKey(arguments) => set_provider_key(config, &tenancy, &arguments).await,
            AdminCommand::MapNumber(arguments) => map(&tenancy, &arguments).await,
            AdminCommand::GrantOperator { email } => grant_operator(&tenancy, &email).await,
        }
    }
    .await;
    database.close().await?;
    done
}

async fn create_org(tenancy: &Tenancy, arguments: CreateOrg) -> anyhow::Result<()> {
    let password = read_secret(arguments.password_file.as_ref(), "password").await?;
    let new = NewOrganization {
        name: arguments.name,
        zone: arguments.zone,
        owner_email: arguments.owner_email,
        owner_name: arguments.owner_name,
        owner_password: password,
        first_user_is_operator: true,
        is_demo: false,
    };
    let created = create_organization(tenancy, &Clock::system(), new).await?;
    if arguments.json {
        say(&format!("{}\n", json!({ "org_id": created.org_id, "user_id": created.user_id })));
    } else {
        say(&format!("Organization {} is there; its owner is user {}.\n", created.org_id, created.user_id));
    }
    Ok(())
}

async fn add_one_owner(tenancy: &Tenancy, arguments: &AddOwner) -> anyhow::Result<()> {
    let password = read_secret(arguments.password_file.as_ref(), "password").await?;
    let AddOwner { org, email, name, .. } = arguments;
    let user = add_owner(tenancy, &Clock::system(), *org, email, name, &password).await?;
    say(&format!("User {user} is an owner of organization {org}.\n"));
    Ok(())
}

async fn connect_provider(config: &Config, tenancy: &Tenancy, arguments: ConnectProvider) -> anyhow::Result<()> {
    let auth: WebhookAuth = match &arguments.auth {
        Some(text) => serde_json::from_str(text).context("--auth is not a verification scheme")?,
        None => WebhookAuth::default(),
    };
    let new = NewConnection {
        label: arguments.label,
        auth,
        webhook_secret: read_secret(arguments.secret_file.as_ref(), "webhook secret").await?,
        api_key: arguments.api_key_file.as_ref().map(|path| secret_from_file(path, "private key")).transpose()?,
        simulated: false,
    };
    let key = database::master_key(config)?;
    anyhow::ensure!(organization_exists(tenancy, arguments.org).await?, "there is no organization {}", arguments.org);
    let mut tx = tenancy.tenant(arguments.org).await?;
    let id = create_connection(&mut tx, &key, Actor::System, &new).await?;
    tx.commit().await?;
    let origin = config.server.public_origin(config.server.listen);
    let url = format!("{}/api/webhooks/vapi/{id}", origin.as_str());
    if arguments.json {
        say(&format!("{}\n", json!({ "connection_id": id, "webhook_url": url })));
    } else {
        say(&format!("Connection {id} is there. Set the server URL at the provider to\n  {url}\n"));
    }
    Ok(())
}

async fn set_provider_key(config: &Config, tenancy: &Tenancy, arguments: &SetProviderKey) -> anyhow::Result<()> {
    let key = database::master_key(config)?;
    anyhow::ensure!(organization_exists(tenancy, arguments.org).await?, "there is no organization {}", arguments.org);
    let mut tx = tenancy.tenant(arguments.org).await?;
    match &arguments.api_key_file {
        Some(path) => {
            let api_key = secret_from_file(path, "private key")?;
            set_api_key(&mut tx, &key, Actor::System, arguments.connection, &api_key).await?;
        }
        None => remove_api_key(&mut tx, Actor::System, arguments.connection).await?,
    }
    tx.commit().await?;
    say("Done.\n");
    Ok(())
}

async fn map(tenancy: &Tenancy, arguments: &MapNumber) -> anyhow::Result<()> {
    anyhow::ensure!(organization_exists(tenancy, arguments.org).await?, "there is no organization {}", arguments.org);
    let mapping = Mapping {
        number: &arguments.number,
        provider_number_id: arguments.provider_number_id.as_deref(),
        agent_name: &arguments.agent,
        assistant_id: &arguments.assistant_id,
    };
    let mut tx = tenancy.tenant(arguments.org).await?;
    let id = map_number(&mut tx, Actor::System, &mapping).await?;
    tx.commit().await?;
    if arguments.json {
        say(&format!("{}\n", json!({ "number_id": id })));
    } else {
        say(&format!("{} is answered by {}.\n", arguments.number, arguments.agent));
    }
    Ok(())
}

async fn grant_operator(tenancy: &Tenancy, email: &str) -> anyhow::Result<()> {
    let known = identity::accounts::actions::grant_operator(tenancy, email).await?;
    anyhow::ensure!(known, "there is no user with this e-mail address");
    say("Done.\n");
    Ok(())
}

async fn read_secret(file: Option<&PathBuf>, what: &str) -> anyhow::Result<Secret> {
    match file {
        Some(path) => secret_from_file(path, what),
        None => secret_from_stdin(what).await,
    }
}
