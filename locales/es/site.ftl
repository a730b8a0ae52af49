# Words of the public site.

## every page

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
site-nav-chat = Chat
site-close = Cerrar
site-wait = Un momento

## landing

site-home-title = Responde antes del segundo tono
site-home-description = { $name } atiende cada llamada de su clínica, agenda la visita y pasa la llamada a su equipo cuando hace falta una persona.
site-home-hear = Escuchar una llamada de ejemplo, { $length }
site-home-note = Funciona en el servidor que usted elija. Quien llama sabe que habla con una máquina.
site-home-what = Qué hace al teléfono
site-home-answer-h = Contesta
site-home-answer = A mediodía, de noche y cuando todas las líneas están ocupadas. Saluda en nombre de su clínica y pregunta qué se necesita.
site-home-book-h = Agenda
site-home-book = Ofrece las horas que usted permite, confirma nombre y número, y repite la cita antes de colgar.
site-home-pass-h = Pasa la llamada
site-home-pass = Cuando alguien siente dolor, está molesto o pide hablar con una persona, su equipo recibe la llamada con lo dicho hasta entonces.
site-home-see = Qué ve su equipo
site-home-see-live = Las llamadas en curso, con las palabras según se dicen.
site-home-see-list = Cada llamada después: quién llamó, en qué quedó, qué se dijo, cuánto costó.
site-home-see-missed = Lo que necesita a una persona: llamadas cortadas y personas que piden que se les llame.
site-home-end = Véalo contestar su teléfono
site-home-end-text = Una persona de nuestro equipo prepara una recepción para su clínica mientras usted mira; después, usted la llama.

## the sample call

site-sample-title = Visita de higiene, agendada
site-sample-label = Ejemplo
site-sample-spoken = Las personas son inventadas y un ordenador dice los dos papeles.
site-sample-tones = Las personas son inventadas. Unos tonos sustituyen a las voces; las palabras están debajo.
site-sample-player = Llamada de ejemplo
site-sample-caller = Paciente
site-sample-1 = Clínica dental del Puerto, le habla la recepción automática. ¿En qué puedo ayudarle?
site-sample-2 = Hola, soy Ana Vidal. Necesito una limpieza, a ser posible esta semana.
site-sample-3 = Claro, Ana. ¿Me confirma su fecha de nacimiento?
site-sample-4 = El nueve de marzo del ochenta y nueve.
site-sample-5 = Gracias. Tengo el jueves a las nueve y diez o el viernes a las dos y media.
site-sample-6 = El jueves por la mañana es perfecto.
site-sample-7 = Queda agendada para el jueves a las nueve y diez. ¿Algo más?
site-sample-8 = No, eso es todo. Gracias.

## how it works

site-how-description = Del primer tono a la nota para su equipo: qué ocurre cuando contesta { $name } y qué deja a las personas.
site-how-1-h = Su número sigue siendo suyo
site-how-1 = Usted desvía su línea, siempre o solo cuando nadie contesta. Un proveedor de voz recibe la llamada y { $name } le indica qué puede decir y hacer su recepción.
site-how-2-h = Dice lo que es
site-how-2 = La primera frase nombra su clínica y dice que la recepción es automática y si la llamada se graba.
site-how-3-h = Pregunta, busca y ofrece
site-how-3 = Averigua qué se necesita, busca una hora libre según sus reglas y repite la elección antes de reservar.
site-how-4-h = Pasa el relevo
site-how-4 = Las urgencias, las quejas y lo que usted indique van a una persona. Si no hay nadie, se promete devolver la llamada y su equipo ve la promesa.
site-how-5-h = No se pierde nada
site-how-5 = Palabras, resultado, duración y coste de cada llamada se guardan antes de confirmar su recepción. Si falla una conexión, se envían de nuevo y cuentan una vez.
site-how-not = Qué no hace
site-how-not-1 = No da consejos médicos ni hace diagnósticos.
site-how-not-2 = No se hace pasar por una persona.
site-how-not-3 = No entiende a todo el mundo siempre. Entonces lo dice y ofrece una persona.

## pricing

site-pricing-title = Precios
site-pricing-description = Cuánto cuesta { $name } y qué incluye.
site-pricing-request = Precios a consultar
site-pricing-request-text = El precio depende de cuántas líneas tiene y cuánto suenan. Cuéntenoslo en una demo y recibirá un precio por escrito, sin fecha límite.
site-pricing-month = al mes
site-pricing-year = al año
site-pricing-call = por llamada
site-pricing-minute = por minuto
site-pricing-setup = { $amount } una vez, por la puesta en marcha
site-pricing-includes = Qué incluye { $plan }
site-pricing-note = El proveedor de voz cobra los minutos en línea. Cada llamada muestra lo que costó.

## security

site-security-title = Seguridad
site-security-description = Qué guarda { $name }, dónde está, quién puede verlo y qué no afirmamos.
site-security-table = Qué se guarda y dónde
site-security-what = Qué
site-security-where = Dónde
site-security-who = Quién lo ve
site-security-calls = Llamadas: número, palabras, resultado, coste
site-security-calls-where = En una base de datos PostgreSQL en el servidor del operador
site-security-calls-who = Miembros de esa clínica
site-security-keys = Credenciales del proveedor de voz
site-security-keys-where = En la base de datos, cifradas con una clave guardada fuera de ella
site-security-keys-who = Nadie; se pueden sustituir, no leer
site-security-passwords = Contraseñas
site-security-passwords-where = Como resúmenes argon2id; la contraseña no se guarda
site-security-passwords-who = Nadie
site-security-demos = Reservas de demo: nombre, correo, clínica, teléfono
site-security-demos-who = El equipo del operador
site-security-apart-h = La base de datos separa las clínicas
site-security-apart = Cada fila pertenece a una clínica y la propia base de datos niega las de otra, aunque nuestro programa las pidiera por error. Hay pruebas para cada tabla y cada dirección.
site-security-trace-h = Los cambios dejan rastro
site-security-trace = Quién invitó a quién, cambió un rol, creó una clave o sustituyó una credencial queda anotado junto con el cambio.
site-security-pages-h = Las páginas no ejecutan nada ajeno
site-security-pages = Ni rastreadores, ni publicidad, ni fuentes o scripts de otra empresa. Las únicas cookies de este sitio recuerdan su idioma y si lo prefiere oscuro.
site-security-claims-h = Qué no afirmamos
site-security-claims = Esta página no cita ningún certificado porque el programa no trae ninguno. Las normas sobre datos de salud cambian según el país; pregúntenos qué hay previsto en el suyo antes de conectar una línea.

## privacy and terms: a template that the operator completes

site-legal-draft = Esta página es una plantilla. Su operador aún no la ha completado y no está en vigor.
site-legal-company = [razón social]
site-legal-address = [dirección postal]
site-legal-email = [correo para privacidad]
site-legal-law = [país]
site-legal-updated = Última modificación: { $date }
site-privacy-title = Privacidad
site-privacy-description = Qué hacen este sitio y { $name } con los datos personales.
site-privacy-who-h = Quién es responsable
site-privacy-who = { $company }, { $address }. Preguntas sobre privacidad: { $email }.
site-privacy-visit-h = Cuando visita este sitio
site-privacy-visit = El servidor anota dirección, hora y resultado de una petición sin quién la hizo, y cuenta por poco tiempo las peticiones de una dirección de red para evitar abusos. Dos cookies recuerdan idioma y aspecto si usted los elige. No se mide nada sobre usted ni se cede nada.
site-privacy-book-h = Cuando reserva una demo
site-privacy-book = Guardamos nombre, correo, clínica, teléfono y lo que nos escribe, para hacer la demo y responderle. Un servicio de correo le lleva nuestros mensajes.
site-privacy-calls-h = Cuando llama a una clínica que usa { $name }
site-privacy-calls = La clínica decide qué ocurre con la llamada y nosotros trabajamos por su cuenta. Número, palabras y resultado se guardan para esa clínica; un proveedor de voz convierte el habla en texto. Pida a la clínica verlos o borrarlos.
site-privacy-chat-h = Cuando abre el chat
site-privacy-chat = El chat lo gestiona Intercom. No se carga nada de allí hasta que usted pulsa su botón; desde entonces rigen también las normas de Intercom.
site-privacy-keep-h = Cuánto tiempo lo guardamos
site-privacy-keep = Las reservas mientras nos sirvan a usted y a nosotros y el tiempo que exija la ley. Las llamadas, el tiempo que la clínica haya elegido.
site-privacy-rights-h = Sus derechos
site-privacy-rights = Puede preguntar qué tenemos sobre usted, hacerlo corregir o borrar, obtener una copia y oponerse. Escriba a { $email }. También puede reclamar ante la autoridad de protección de datos de su país.
site-terms-title = Condiciones
site-terms-description = Las condiciones en que se ofrece { $name }.
site-terms-who-h = Entre quiénes
site-terms-who = Estas condiciones rigen entre { $company }, { $address }, y la clínica o consulta que usa { $name }.
site-terms-service-h = Qué recibe
site-terms-service = Una recepción automática para las líneas que conecte y páginas donde su equipo sigue sus llamadas. Lo incluido y el precio constan en su pedido.
site-terms-yours-h = Qué le corresponde a usted
site-terms-yours = Usted decide qué dice la recepción, guarda sus accesos, informa a quien llama de lo que exige la ley y tiene derecho a los números que conecta.
site-terms-emergency-h = No es para emergencias
site-terms-emergency = El servicio no es una línea de emergencias ni sustituye a ninguna. Asegúrese de que quien esté en peligro sepa a quién llamar.
site-terms-limits-h = Cuando algo falla
site-terms-limits = Las redes telefónicas, el proveedor de voz y nuestro servidor pueden fallar. Arreglamos lo nuestro cuanto antes. Lo demás se rige por la ley y por su pedido.
site-terms-end-h = Terminar
site-terms-end = Puede dejarlo al final de cualquier periodo pagado. Recibe sus llamadas en un archivo antes de que se borren.
site-terms-law-h = Ley aplicable
site-terms-law = Se aplica la ley de { $law }.

## chat

site-chat-title = Chatee con nosotros
site-chat-description = Escriba con una persona del equipo de { $name }.
site-chat-before = El chat lo gestiona Intercom. No se carga nada de allí hasta que usted lo inicia.
site-chat-start = Iniciar el chat
site-chat-starting = Iniciando el chat
site-chat-open = El chat está abierto en la esquina de esta página.
site-chat-failed = El chat no está disponible ahora. Puede contactarnos como se indica abajo.
site-chat-script = El chat necesita JavaScript. Sin él puede contactarnos como se indica abajo.
site-chat-else = Otras formas

## problems

site-problem-missing-h = Esta página no existe
site-problem-missing = Puede que la dirección esté mal escrita o que la página se haya movido.
site-problem-failed-h = Algo salió mal
site-problem-failed = Es culpa nuestra y ha quedado anotado. Puede que lo que hizo no se haya guardado.
site-problem-away-h = No disponible por un momento
site-problem-away = Una parte del servidor no responde. Inténtelo de nuevo en un momento.
site-problem-busy-h = Demasiados intentos
site-problem-busy = Espere un poco e inténtelo de nuevo.
site-problem-odd-h = No se entendió
site-problem-odd = Algo en la dirección o el formulario es incorrecto. No se cambió nada.
site-problem-request = Solicitud { $id }
site-problem-home = A la página de inicio
