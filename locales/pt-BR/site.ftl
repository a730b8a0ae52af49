# Words of the public site.

site-skip = Ir para o conteúdo
site-suggest = Ler esta página em português
site-nav-main = Principal
site-nav-menu = Menu
site-nav-foot = Mais páginas
site-nav-language = Idioma
site-nav-how = Como funciona
site-nav-pricing = Preços
site-nav-security = Segurança
site-nav-privacy = Privacidade
site-nav-terms = Termos
site-nav-sign-in = Entrar
site-book = Agendar uma demo
site-look = Aparência das páginas
site-look-system = Dispositivo
site-look-light = Claro
site-look-dark = Escuro
site-foot-line = Uma recepção telefônica automática para clínicas e consultórios.
site-home-title = Atende antes do segundo toque
site-home-description = { $name } atende cada ligação da sua clínica, marca a consulta e passa a ligação para a sua equipe quando é preciso uma pessoa.
