//! Routers that keep a route and its documentation together, and a tenant route and its access level.
//!
//! ```compile_fail
//! # use platform::http::TenantRouter;
//! async fn nobody_checked() -> &'static str { "everything" }
//! let router: TenantRouter<()> = TenantRouter::new().page("GET", "/app/secret", nobody_checked);
//! ```

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::path::{HttpMethod, PathItem};
use utoipa::openapi::{Components, OpenApi, OpenApiBuilder, Paths};

/// Argument lists that begin with an access level.
///
/// Implemented for every handler whose first argument is an [`Access`] extractor. A handler without one does not
/// compile into a [`TenantRouter`].
pub trait Guarded {}

/// Extractors that let only some callers through. Implemented by the identity crate, nowhere else.
pub trait Access {}

macro_rules! guarded {
    ($($rest:ident),*) => {
        impl<M, A: Access, $($rest),*> Guarded for (M, A, $($rest,)*) {}
    };
}
// Rust has no variadic generics, so a function cannot say "a tuple that begins with an Access".
guarded!();
guarded!(A1);
guarded!(A1, A2);
guarded!(A1, A2, A3);
guarded!(A1, A2, A3, A4);
guarded!(A1, A2, A3, A4, A5);
guarded!(A1, A2, A3, A4, A5, A6);
guarded!(A1, A2, A3, A4, A5, A6, A7);

/// What `#[utoipa::path]` makes of a handler, as `__path_<handler>`.
pub trait Documented: utoipa::Path + utoipa::__dev::SchemaReferences + for<'t> utoipa::__dev::Tags<'t> {}
impl<D> Documented for D where D: utoipa::Path + utoipa::__dev::SchemaReferences + for<'t> utoipa::__dev::Tags<'t> {}

struct Documentation {
    paths: Paths,
    components: Components,
}

impl Documentation {
    fn new() -> Self {
        Self { paths: Paths::new(), components: Components::new() }
    }

    fn add<D: Documented>(&mut self) {
        let path = D::path();
        let mut operation = D::operation();
        // utoipa keeps the tags beside the operation and leaves putting them in to whoever collects it.
        operation.tags = Some(D::tags().into_iter().map(str::to_owned).collect());
        let item = PathItem::from_http_methods(D::methods(), operation);
        match self.paths.paths.get_mut(&path) {
            Some(existing) => existing.merge_operations(item),
            None => drop(self.paths.paths.insert(path, item)),
        }
        let mut schemas = Vec::new();
        D::schemas(&mut schemas);
        self.components.schemas.extend(schemas);
    }

    fn merge(&mut self, other: Self) {
        for (path, item) in other.paths.paths {
            match self.paths.paths.get_mut(&path) {
                Some(existing) => existing.merge_operations(item),
                None => drop(self.paths.paths.insert(path, item)),
            }
        }
        self.components.schemas.extend(other.components.schemas);
    }
}

/// Routes that work for a signed-in caller of one organization (or for an operator).
pub struct TenantRouter<S> {
    router: Router<S>,
    documentation: Documentation,
}

/// Routes that anybody may call. Each is public on purpose: sign-in, webhooks with their own verification, health.
pub struct PublicRouter<S> {
    router: Router<S>,
    documentation: Documentation,
}

impl<S: Clone + Send + Sync + 'static> Default for TenantRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> TenantRouter<S> {
    /// A router without routes.
    pub fn new() -> Self {
        Self { router: Router::new(), documentation: Documentation::new() }
    }

    /// Adds a documented API route. `doc` is the handler's `__path_…` type; its path and method decide the route.
    #[must_use]
    pub fn route<D, H, T>(mut self, _doc: D, handler: H) -> Self
    where
        D: Documented,
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        self.documentation.add::<D>();
        self.router = self.router.route(&D::path(), on(filter_of(&D::methods()), handler));
        self
    }

    /// Adds a page: guarded like an API route, not part of the API's documentation.
    #[must_use]
    pub fn page<H, T>(mut self, method: &str, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        self.router = self.router.route(path, page_method(method, handler));
        self
    }

    /// Takes over another router's routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.documentation.merge(other.documentation);
        self
    }

    /// Binds the state, so that routers of different crates can be merged.
    pub fn with_state(self, state: S) -> TenantRouter<()> {
        TenantRouter { router: self.router.with_state(state), documentation: self.documentation }
    }

    /// The axum router and the description of its API.
    pub fn split(self) -> (Router<S>, OpenApi) {
        (self.router, describe(self.documentation))
    }
}

impl<S: Clone + Send + Sync + 'static> Default for PublicRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> PublicRouter<S> {
    /// A router without routes.
    pub fn new() -> Self {
        Self { router: Router::new(), documentation: Documentation::new() }
    }

    /// Adds a documented API route that anybody may call.
    #[must_use]
    pub fn route<D, H, T>(mut self, _doc: D, handler: H) -> Self
    where
        D: Documented,
        H: Handler<T, S>,
        T: 'static,
    {
        self.documentation.add::<D>();
        self.router = self.router.route(&D::path(), on(filter_of(&D::methods()), handler));
        self
    }

    /// Adds a page that anybody may open.
    #[must_use]
    pub fn page<H, T>(mut self, method: &str, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.router = self.router.route(path, page_method(method, handler));
        self
    }

    /// Takes over another router's routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.documentation.merge(other.documentation);
        self
    }

    /// Sets the largest body in bytes for the routes so far.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.router = self.router.layer(DefaultBodyLimit::max(bytes));
        self
    }

    /// Binds the state, so that routers of different crates can be merged.
    pub fn with_state(self, state: S) -> PublicRouter<()> {
        PublicRouter { router: self.router.with_state(state), documentation: self.documentation }
    }

    /// The axum router and the description of its API.
    pub fn split(self) -> (Router<S>, OpenApi) {
        (self.router, describe(self.documentation))
    }
}

fn describe(documentation: Documentation) -> OpenApi {
    OpenApiBuilder::new().paths(documentation.paths).components(Some(documentation.components)).build()
}

fn filter_of(methods: &[HttpMethod]) -> MethodFilter {
    methods.iter().map(filter).reduce(MethodFilter::or).unwrap_or(MethodFilter::GET)
}

fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Trace => MethodFilter::TRACE,
        HttpMethod::Get => MethodFilter::GET,
    }
}

fn page_method<H, T, S>(method: &str, handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let filter = if method == Method::POST.as_str() { MethodFilter::POST } else { MethodFilter::GET };
    on(filter, handler)
}
