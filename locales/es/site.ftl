# Words of the public site.

site-skip = Ir al contenido
site-suggest = Leer esta página en español
site-nav-main = Principal
site-nav-menu = Menú
site-nav-foot = Más páginas
site-nav-language = Idioma
site-nav-how = Cómo funciona
site-nav-pricing = Precios
site-nav-security = Seguridad
site-nav-privacy = Privacidad
site-nav-terms = Condiciones
site-nav-sign-in = Iniciar sesión
site-book = Reservar una demo
site-look = Aspecto de las páginas
site-look-system = Dispositivo
site-look-light = Claro
site-look-dark = Oscuro
site-foot-line = Una recepción telefónica automática para clínicas y consultas.
site-home-title = Responde antes del segundo tono
site-home-description = { $name } atiende cada llamada de su clínica, agenda la visita y pasa la llamada a su equipo cuando hace falta una persona.
