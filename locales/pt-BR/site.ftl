# Words of the public site.

## every page

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
site-nav-chat = Chat
site-close = Fechar
site-wait = Um momento

## landing

site-home-title = Atende antes do segundo toque
site-home-description = { $name } atende cada ligação da sua clínica, marca a consulta e passa a ligação para a sua equipe quando é preciso uma pessoa.
site-home-hear = Ouvir uma ligação de exemplo, { $length }
site-home-note = Funciona no servidor que você escolher. Quem liga é avisado de que fala com uma máquina.
site-home-what = O que ele faz ao telefone
site-home-answer-h = Atende
site-home-answer = No almoço, à noite e quando todas as linhas estão ocupadas. Cumprimenta em nome da sua clínica e pergunta do que a pessoa precisa.
site-home-book-h = Marca consultas
site-home-book = Oferece os horários que você permite, confirma nome e número e repete a consulta antes de desligar.
site-home-pass-h = Transfere
site-home-pass = Quando alguém está com dor, irritado ou pede uma pessoa, a sua equipe recebe a ligação com o que já foi dito.
site-home-see = O que a sua equipe vê
site-home-see-live = As ligações enquanto acontecem, com as palavras à medida que são ditas.
site-home-see-list = Cada ligação depois: quem ligou, no que deu, o que foi dito, quanto custou.
site-home-see-missed = O que precisa de uma pessoa: ligações que caíram e quem pede retorno.
site-home-end = Veja-o atender o seu telefone
site-home-end-text = Uma pessoa da nossa equipe prepara uma recepção para a sua clínica enquanto você assiste; depois, você liga para ela.

## the sample call

site-sample-title = Limpeza dentária, marcada
site-sample-label = Exemplo
site-sample-spoken = As pessoas são inventadas e um computador fala os dois papéis.
site-sample-tones = As pessoas são inventadas. Tons substituem as vozes; as palavras estão abaixo.
site-sample-player = Ligação de exemplo
site-sample-caller = Paciente
site-sample-1 = Clínica dentária do Porto, aqui é a recepção automática. Como posso ajudar?
site-sample-2 = Oi, aqui é Ana Vidal. Preciso de uma limpeza, de preferência nesta semana.
site-sample-3 = Claro, Ana. Pode confirmar a sua data de nascimento?
site-sample-4 = Nove de março de oitenta e nove.
site-sample-5 = Obrigado. Tenho quinta às nove e dez, ou sexta às duas e meia da tarde.
site-sample-6 = Quinta de manhã está ótimo.
site-sample-7 = Está marcado para quinta às nove e dez. Mais alguma coisa?
site-sample-8 = Não, é só isso. Obrigada.

## how it works

site-how-description = Do primeiro toque à nota para a sua equipe: o que acontece quando { $name } atende e o que fica com as pessoas.
site-how-1-h = O seu número continua seu
site-how-1 = Você desvia a sua linha, sempre ou só quando ninguém atende. Um provedor de voz recebe a ligação e { $name } diz a ele o que a sua recepção pode falar e fazer.
site-how-2-h = Ele diz o que é
site-how-2 = A primeira frase diz o nome da sua clínica, que a recepção é automática e se a ligação é gravada.
site-how-3-h = Pergunta, procura e oferece
site-how-3 = Descobre o que a pessoa precisa, procura um horário livre dentro das suas regras e repete a escolha antes de marcar.
site-how-4-h = Passa adiante
site-how-4 = Emergências, reclamações e o que você indicar vão para uma pessoa. Se não houver ninguém, promete-se um retorno e a sua equipe vê a promessa.
site-how-5-h = Nada se perde
site-how-5 = Palavras, resultado, duração e custo de cada ligação são guardados antes de confirmar que chegaram. Se uma conexão falha, são enviados de novo e contam uma vez.
site-how-not = O que ele não faz
site-how-not-1 = Não dá conselho médico nem faz diagnóstico.
site-how-not-2 = Não se faz passar por uma pessoa.
site-how-not-3 = Não entende todo mundo sempre. Nesse caso, diz isso e oferece uma pessoa.

## pricing

site-pricing-title = Preços
site-pricing-description = Quanto custa { $name } e o que está incluído.
site-pricing-request = Preços sob consulta
site-pricing-request-text = O preço depende de quantas linhas você tem e de quanto elas tocam. Conte para nós em uma demo e receba um preço por escrito, sem prazo para decidir.
site-pricing-month = por mês
site-pricing-year = por ano
site-pricing-call = por ligação
site-pricing-minute = por minuto
site-pricing-setup = { $amount } uma vez, pela configuração
site-pricing-includes = O que inclui { $plan }
site-pricing-note = O provedor de voz cobra os minutos em linha. Cada ligação mostra quanto custou.

## security

site-security-title = Segurança
site-security-description = O que { $name } guarda, onde fica, quem pode ver e o que não afirmamos.
site-security-table = O que é guardado e onde
site-security-what = O quê
site-security-where = Onde
site-security-who = Quem vê
site-security-calls = Ligações: número, palavras, resultado, custo
site-security-calls-where = Em um banco PostgreSQL no servidor do operador
site-security-calls-who = Membros dessa clínica
site-security-keys = Credenciais do provedor de voz
site-security-keys-where = No banco de dados, cifradas com uma chave guardada fora dele
site-security-keys-who = Ninguém; podem ser trocadas, não lidas
site-security-passwords = Senhas
site-security-passwords-where = Como resumos argon2id; a senha em si não é guardada
site-security-passwords-who = Ninguém
site-security-demos = Agendamentos de demo: nome, e-mail, clínica, telefone
site-security-demos-who = A equipe do operador
site-security-apart-h = O banco de dados separa as clínicas
site-security-apart = Cada linha pertence a uma clínica, e o próprio banco recusa as de outra, mesmo que o nosso programa as peça por engano. Testes tentam isso em cada tabela e cada endereço.
site-security-trace-h = Mudanças deixam rastro
site-security-trace = Quem convidou quem, mudou um papel, criou uma chave ou trocou uma credencial fica anotado junto com a mudança.
site-security-pages-h = As páginas não executam nada de fora
site-security-pages = Sem rastreadores, sem publicidade, sem fonte ou script de outra empresa. Os únicos cookies deste site lembram o seu idioma e se você prefere o escuro.
site-security-claims-h = O que não afirmamos
site-security-claims = Esta página não cita nenhum certificado, porque nenhum vem com o programa. As regras para dados de saúde variam por país; pergunte o que vale no seu antes de conectar uma linha.

## privacy and terms: a template that the operator completes

site-legal-draft = Esta página é um modelo. O operador ainda não a completou e ela não está em vigor.
site-legal-company = [razão social]
site-legal-address = [endereço postal]
site-legal-email = [e-mail para privacidade]
site-legal-law = [país]
site-legal-updated = Última alteração: { $date }
site-privacy-title = Privacidade
site-privacy-description = O que este site e { $name } fazem com dados pessoais.
site-privacy-who-h = Quem é responsável
site-privacy-who = { $company }, { $address }. Perguntas sobre privacidade: { $email }.
site-privacy-visit-h = Quando você visita este site
site-privacy-visit = O servidor anota endereço, hora e resultado de um pedido sem quem o fez, e conta por pouco tempo os pedidos de um endereço de rede para evitar abuso. Dois cookies lembram idioma e aparência se você os escolher. Nada é medido sobre você e nada é repassado.
site-privacy-book-h = Quando você agenda uma demo
site-privacy-book = Guardamos nome, e-mail, clínica, telefone e o que você nos escreve, para fazer a demo e responder. Um serviço de e-mail leva as nossas mensagens até você.
site-privacy-calls-h = Quando você liga para uma clínica que usa { $name }
site-privacy-calls = A clínica decide o que acontece com a ligação e nós trabalhamos em nome dela. Número, palavras e resultado são guardados para essa clínica; um provedor de voz transforma fala em texto. Peça à clínica para ver ou apagar.
site-privacy-chat-h = Quando você abre o chat
site-privacy-chat = O chat é operado pela Intercom. Nada é carregado de lá até você apertar o botão; a partir daí valem também as regras da Intercom.
site-privacy-keep-h = Por quanto tempo guardamos
site-privacy-keep = Agendamentos enquanto forem úteis para você e para nós, e pelo tempo que a lei exige. Ligações pelo tempo que a clínica escolheu.
site-privacy-rights-h = Os seus direitos
site-privacy-rights = Você pode perguntar o que temos sobre você, pedir correção ou exclusão, receber uma cópia e se opor. Escreva para { $email }. Também pode reclamar à autoridade de proteção de dados do seu país.
site-terms-title = Termos
site-terms-description = Os termos em que { $name } é oferecido.
site-terms-who-h = Entre quem
site-terms-who = Estes termos valem entre { $company }, { $address }, e a clínica ou o consultório que usa { $name }.
site-terms-service-h = O que você recebe
site-terms-service = Uma recepção automática para as linhas que você conecta e páginas em que a sua equipe acompanha as ligações. O que está incluído e o preço constam no seu pedido.
site-terms-yours-h = O que cabe a você
site-terms-yours = Você decide o que a recepção diz, guarda os seus acessos, informa a quem liga o que a lei exige e tem direito aos números que conecta.
site-terms-emergency-h = Não é para emergências
site-terms-emergency = O serviço não é uma linha de emergência e não substitui nenhuma. Garanta que quem estiver em perigo saiba para quem ligar.
site-terms-limits-h = Quando algo falha
site-terms-limits = Redes telefônicas, o provedor de voz e o nosso servidor podem falhar. Consertamos o que é nosso o mais rápido possível. O resto decorre da lei e do seu pedido.
site-terms-end-h = Encerrar
site-terms-end = Você pode parar ao fim de qualquer período pago. Recebe as suas ligações em um arquivo antes que sejam apagadas.
site-terms-law-h = Lei aplicável
site-terms-law = Aplica-se a lei de { $law }.

## chat

site-chat-title = Converse conosco
site-chat-description = Escreva com uma pessoa da equipe de { $name }.
site-chat-before = O chat é operado pela Intercom. Nada é carregado de lá até você iniciar.
site-chat-start = Iniciar o chat
site-chat-starting = Iniciando o chat
site-chat-open = O chat está aberto no canto desta página.
site-chat-failed = O chat não está disponível agora. Fale conosco como abaixo.
site-chat-script = O chat precisa de JavaScript. Sem ele, fale conosco como abaixo.
site-chat-else = Outras formas

## problems

site-problem-missing-h = Esta página não existe
site-problem-missing = O endereço pode estar errado ou a página pode ter mudado de lugar.
site-problem-failed-h = Algo deu errado
site-problem-failed = A culpa é nossa e ficou registrado. O que você fez pode não ter sido salvo.
site-problem-away-h = Indisponível por um momento
site-problem-away = Uma parte do servidor não responde. Tente de novo em instantes.
site-problem-busy-h = Tentativas demais
site-problem-busy = Espere um pouco e tente de novo.
site-problem-odd-h = Não entendido
site-problem-odd = Algo no endereço ou no formulário está errado. Nada foi alterado.
site-problem-request = Pedido { $id }
site-problem-home = À página inicial
