# Words of the public site.

## every page

site-skip = Skip to content
site-suggest = Read this page in English
site-nav-main = Main
site-nav-menu = Menu
site-nav-foot = More pages
site-nav-language = Language
site-nav-how = How it works
site-nav-pricing = Pricing
site-nav-security = Security
site-nav-privacy = Privacy
site-nav-terms = Terms
site-nav-sign-in = Sign in
site-book = Book a demo
site-look = Look of the pages
site-look-system = Device
site-look-light = Light
site-look-dark = Dark
site-foot-line = An automated receptionist for clinics and practices.
site-nav-chat = Chat
site-close = Close
site-wait = One moment

## landing

site-home-title = The phone is answered before the second ring
site-home-description = { $name } takes every call to your clinic, books the visit, and passes the call to your team when a person is needed.
site-home-hear = Hear a sample call, { $length }
site-home-note = Runs on a server of your choice. Callers are told that they speak with a machine.
site-home-what = What it does on the phone
site-home-answer-h = Answers
site-home-answer = At lunch, at night and when every line is busy. It greets callers in your clinic’s name and asks what they need.
site-home-book-h = Books
site-home-book = It offers times that you allow, confirms name and number, and repeats the appointment before it hangs up.
site-home-pass-h = Passes on
site-home-pass = When somebody is in pain, upset or asks for a person, your team gets the call, with what was said so far.
site-home-see = What your team sees
site-home-see-live = Calls while they happen, with the words as they are spoken.
site-home-see-list = Every call afterwards: who rang, what came of it, what was said, what it cost.
site-home-see-missed = What needs a person: calls that were dropped, and callers who want to be called back.
site-home-end = See it answer your phone
site-home-end-text = A person from our team sets up a receptionist for your clinic while you watch, then you call it.

## the sample call

site-sample-title = Hygienist visit, booked
site-sample-label = Sample
site-sample-spoken = The people are invented, and a computer speaks both parts.
site-sample-tones = The people are invented. Tones stand in for the voices; the words are below.
site-sample-player = Sample call
site-sample-caller = Caller
site-sample-1 = Harbour Lane Dental, this is the automated receptionist. How can I help?
site-sample-2 = Hi, it is Hannah Webb. I need to see the hygienist, ideally this week.
site-sample-3 = Of course, Hannah. May I confirm your date of birth?
site-sample-4 = The ninth of March, eighty-nine.
site-sample-5 = Thank you. I have Thursday at ten past nine, or Friday at half past two.
site-sample-6 = Thursday morning is perfect.
site-sample-7 = You are booked for Thursday at ten past nine. Is there anything else?
site-sample-8 = No, that is all. Thank you.

## how it works

site-how-description = From the first ring to the note for your team: what happens on a call that { $name } answers, and what it leaves to people.
site-how-1-h = Your number stays yours
site-how-1 = You forward your line, always or only when nobody picks up. A voice provider takes the call and { $name } tells it what your receptionist may say and do.
site-how-2-h = It says what it is
site-how-2 = The first sentence names your clinic and says that the receptionist is automated, and whether the call is recorded.
site-how-3-h = It asks, looks and offers
site-how-3 = It finds out what the caller needs, looks for a free time within your rules and reads the choice back before it books.
site-how-4-h = It hands over
site-how-4 = Emergencies, complaints and whatever you name go to a person. If nobody is there, the caller is promised a call back and your team sees the promise.
site-how-5-h = Nothing is lost
site-how-5 = Words, outcome, length and cost of each call are stored before the provider is told that they arrived. If a connection fails, they are sent again and counted once.
site-how-not = What it does not do
site-how-not-1 = It gives no medical advice and makes no diagnosis.
site-how-not-2 = It does not pretend to be a person.
site-how-not-3 = It does not understand everybody every time. Then it says so and offers a person.

## pricing

site-pricing-title = Pricing
site-pricing-description = What { $name } costs, and what is in it.
site-pricing-request = Prices on request
site-pricing-request-text = What it costs depends on how many lines you have and how often they ring. Tell us in a demo and you get a price in writing, without a deadline on it.
site-pricing-month = a month
site-pricing-year = a year
site-pricing-call = a call
site-pricing-minute = a minute
site-pricing-setup = { $amount } once, to set it up
site-pricing-includes = What is in { $plan }
site-pricing-note = The voice provider charges for minutes on the line. Each call shows what it cost.

## security

site-security-title = Security
site-security-description = What { $name } stores, where it lies, who can see it, and what we do not claim.
site-security-table = What is stored and where
site-security-what = What
site-security-where = Where
site-security-who = Who sees it
site-security-calls = Calls: number, words, outcome, cost
site-security-calls-where = In one PostgreSQL database on the operator’s server
site-security-calls-who = Members of that clinic
site-security-keys = Credentials of the voice provider
site-security-keys-where = In the database, encrypted with a key that is kept outside of it
site-security-keys-who = Nobody; they can be replaced, not read
site-security-passwords = Passwords
site-security-passwords-where = As argon2id digests; the password itself is not stored
site-security-passwords-who = Nobody
site-security-demos = Demo bookings: name, e-mail, clinic, phone
site-security-demos-who = The operator’s own team
site-security-apart-h = Clinics are kept apart by the database
site-security-apart = Every row belongs to one clinic, and the database itself refuses rows of another, even if our program asked for them by mistake. Tests try it for every table and every address.
site-security-trace-h = Changes leave a trace
site-security-trace = Who invited whom, changed a role, made a key or replaced a credential is written down together with the change.
site-security-pages-h = Pages run nothing from elsewhere
site-security-pages = No tracker, no advertising, no font or script from another company. The only cookies on this website remember your language and whether you like it dark.
site-security-claims-h = What we do not claim
site-security-claims = This page names no certificate, because none comes with the software. Rules for health data differ by country; ask us what is in place where you are before you connect a line.

## privacy and terms: a template that the operator completes

site-legal-draft = This page is a template. Its operator has not completed it yet, and it is not in force.
site-legal-company = [registered name]
site-legal-address = [postal address]
site-legal-email = [e-mail for privacy]
site-legal-law = [country]
site-legal-updated = Last changed on { $date }
site-privacy-title = Privacy
site-privacy-description = What this website and { $name } do with personal data.
site-privacy-who-h = Who is responsible
site-privacy-who = { $company }, { $address }. Questions about privacy go to { $email }.
site-privacy-visit-h = When you visit this website
site-privacy-visit = The server writes down address, time and result of a request without who made it, and counts requests of a network address for a short while, so that nobody can flood it. Two cookies remember language and look if you choose them. Nothing is measured about you and nothing is passed on.
site-privacy-book-h = When you book a demo
site-privacy-book = We keep name, e-mail, clinic, phone and what you write to us, to run the demo and to answer you. A mail relay carries our messages to you.
site-privacy-calls-h = When you call a clinic that uses { $name }
site-privacy-calls = The clinic decides what happens with the call, and we work on its behalf. Number, words and outcome of the call are stored for that clinic; a voice provider turns speech into words. Ask the clinic to see or delete them.
site-privacy-chat-h = When you open the chat
site-privacy-chat = The chat is run by Intercom. Nothing is loaded from there until you press its button; from then on Intercom’s own rules apply as well.
site-privacy-keep-h = How long we keep it
site-privacy-keep = Bookings until they are of no more use to you and us, and as long as the law asks for. Calls as long as the clinic has chosen.
site-privacy-rights-h = Your rights
site-privacy-rights = You can ask what we hold about you, have it corrected or deleted, get a copy, and object. Write to { $email }. You can also complain to the data protection authority where you live.
site-terms-title = Terms
site-terms-description = The terms under which { $name } is offered.
site-terms-who-h = Between whom
site-terms-who = These terms are between { $company }, { $address }, and the clinic or practice that uses { $name }.
site-terms-service-h = What you get
site-terms-service = An automated receptionist for the telephone lines that you connect, and pages on which your team follows its calls. What is included and what it costs stands in your order.
site-terms-yours-h = What is yours to do
site-terms-yours = You decide what the receptionist says, keep your sign-ins to yourself, tell callers what your law asks you to tell them, and have the right to the numbers you connect.
site-terms-emergency-h = Not for emergencies
site-terms-emergency = The service is no emergency line and replaces none. Make sure that callers in danger are told whom to ring.
site-terms-limits-h = When something fails
site-terms-limits = Telephone networks, the voice provider and our server can fail. We put right what is ours as fast as we can. What either side owes the other beyond that follows from the law and from your order.
site-terms-end-h = Ending it
site-terms-end = You can stop at the end of any paid period. You get your calls as a file before they are deleted.
site-terms-law-h = Law
site-terms-law = The law of { $law } applies.

## chat

site-chat-title = Chat with us
site-chat-description = Write with a person from the team of { $name }.
site-chat-before = The chat is run by Intercom. Nothing is loaded from there until you start it.
site-chat-start = Start the chat
site-chat-starting = Starting the chat
site-chat-open = The chat is open in the corner of this page.
site-chat-failed = The chat is not available right now. You reach us as below.
site-chat-script = The chat needs JavaScript. Without it you reach us as below.
site-chat-else = Other ways

## problems

site-problem-missing-h = There is no such page
site-problem-missing = The address may be mistyped, or the page may have moved.
site-problem-failed-h = Something went wrong
site-problem-failed = It is our fault, and it is written down. What you did may not have been saved.
site-problem-away-h = Not available for a moment
site-problem-away = Part of the server does not answer. Please try again in a moment.
site-problem-busy-h = Too many tries
site-problem-busy = Please wait a little and try again.
site-problem-odd-h = Not understood
site-problem-odd = Something in the address or the form is wrong. Nothing was changed.
site-problem-request = Request { $id }
site-problem-home = To the start page
