# Words of the pages around signing in. Each file of this name in the other languages has the same keys.

account-skip = Skip to content
account-demonstration = Demonstration: simulated calls
account-email = Email
account-password = Password
account-back = Back to sign in
account-password-hint = At least { $least } characters. A few words in a row are easy to remember.
account-password-bad = A password has { $least } to { $most } characters.

account-signin-title = Sign in
account-signin-new = Your new password is set. Sign in with it.
account-signin-forgot = Forgot your password?
account-signin-none = No account? Somebody at your practice can invite you.
account-wrong = Email or password is wrong.
account-wait = { $minutes ->
        [one] Too many tries. Wait a minute and try again.
       *[other] Too many tries. Wait { $minutes } minutes and try again.
    }

account-forgot-title = Forgot your password?
account-forgot-line = Tell us the address you sign in with, and we send you a link to set a new one.
account-forgot-button = Send the link
account-sent-title = Look into your mailbox
account-sent-line = If there is an account with this address, a mail with a link is on its way. The link works once, for an hour.
account-sent-hint = Nothing there after some minutes? Look among the unwanted mails, or ask the person who runs this installation.

account-reset-title = Set a new password
account-reset-field = New password
account-reset-button = Set password
account-reset-note = Every browser and program that is signed in as you is signed out.
account-reset-gone = This link no longer works
account-reset-gone-line = It works once, for an hour.
account-reset-again = Ask for a new one

account-join-title = Join { $organization }
account-join-role = You are invited as: { $role }
account-join-known = You have an account with this address. Sign in with its password to join.
account-join-name = Your name
account-join-choose = Choose a password
account-join-button = Join
account-join-name-bad = Your name must have 1 to { $most } characters.
account-join-wrong = The password is wrong.
account-join-gone = This invitation no longer works
account-join-gone-line = It may have expired, been used or been taken back. Ask the person who sent it for a new one.
account-role-viewer = Viewer
account-role-member = Member
account-role-admin = Admin
account-role-owner = Owner
