//! The refusal to start with a login that could see past row security.

use sqlx::Row as _;

use super::pool::{DbError, SessionPool};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The login is too powerful.
    #[error("the database login {login} {why}: row security would not hold it, so the server does not start with it")]
    Unrestricted {
        /// The login.
        login: String,
        /// What makes it too powerful.
        why: &'static str,
    },
    /// The database could not be asked.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Asks the server what the login may do. A self-hoster who hands over the one superuser URL is told so here, before the
/// first request, and not by a leak.
pub(super) async fn refuse_unrestricted(pool: &SessionPool) -> Result<(), GuardError> {
    let mut session = pool.get().await?;
    let row = sqlx::query(
        "select current_user::text as login, \
                bool_or(r.rolsuper) as super, \
                bool_or(r.rolbypassrls) as bypass, \
                bool_or(r.rolcreaterole) as creates_roles, \
                exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                         where n.nspname = 'public' and c.relkind in ('r', 'p') \
                           and pg_has_role(current_user, c.relowner, 'MEMBER')) as owner \
           from pg_roles r where pg_has_role(current_user, r.oid, 'MEMBER')",
    )
    .fetch_one(&mut session.conn)
    .await
    .map_err(DbError::from)?;
    let login: String = row.get("login");
    let faults = [
        ("super", "is a superuser (or may become one)"),
        ("bypass", "has BYPASSRLS (or may get it)"),
        ("creates_roles", "may create roles"),
        ("owner", "owns tables"),
    ];
    match faults.into_iter().find(|(column, _)| row.get::<bool, _>(*column)) {
        Some((_, why)) => Err(GuardError::Unrestricted { login, why }),
        None => Ok(()),
    }
}
