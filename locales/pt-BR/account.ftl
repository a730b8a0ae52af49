# Words of the pages around signing in. Each file of this name in the other languages has the same keys.

account-skip = Ir para o conteúdo
account-demonstration = Demonstração: chamadas simuladas
account-email = E-mail
account-password = Senha
account-back = Voltar para entrar
account-password-hint = Pelo menos { $least } caracteres. Algumas palavras em sequência são fáceis de lembrar.
account-password-bad = Uma senha tem de { $least } a { $most } caracteres.

account-signin-title = Entrar
account-signin-new = Sua nova senha está salva. Entre com ela.
account-signin-forgot = Esqueceu a senha?
account-signin-none = Não tem conta? Alguém da sua clínica pode convidar você.
account-wrong = O e-mail ou a senha está incorreto.
account-wait = { $minutes ->
        [one] Tentativas demais. Espere um minuto e tente de novo.
       *[other] Tentativas demais. Espere { $minutes } minutos e tente de novo.
    }

account-forgot-title = Esqueceu a senha?
account-forgot-line = Informe o endereço com que você entra e enviaremos um link para criar uma nova.
account-forgot-button = Enviar o link
account-sent-title = Veja sua caixa de entrada
account-sent-line = Se existe uma conta com este endereço, um e-mail com um link está a caminho. O link funciona uma vez, por uma hora.
account-sent-hint = Nada depois de alguns minutos? Procure entre os e-mails indesejados ou pergunte à pessoa que cuida desta instalação.

account-reset-title = Criar uma nova senha
account-reset-field = Nova senha
account-reset-button = Salvar a senha
account-reset-note = Todos os navegadores e programas conectados à sua conta serão desconectados.
account-reset-gone = Este link não funciona mais
account-reset-gone-line = Ele funciona uma vez, por uma hora.
account-reset-again = Pedir um novo

account-join-title = Entrar em { $organization }
account-join-role = Você foi convidado como: { $role }
account-join-known = Você já tem uma conta com este endereço. Use a senha dela para participar.
account-join-name = Seu nome
account-join-choose = Escolha uma senha
account-join-button = Participar
account-join-name-bad = Seu nome deve ter de 1 a { $most } caracteres.
account-join-wrong = A senha está incorreta.
account-join-gone = Este convite não funciona mais
account-join-gone-line = Ele pode ter expirado, sido usado ou sido retirado. Peça um novo à pessoa que o enviou.
account-role-viewer = Somente leitura
account-role-member = Membro
account-role-admin = Administração
account-role-owner = Proprietário
