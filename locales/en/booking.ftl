# Words of booking a demonstration, on pages and in mails. Each file of this name in the other languages has the same keys.

booking-weekday = { $number ->
       [1] Monday
       [2] Tuesday
       [3] Wednesday
       [4] Thursday
       [5] Friday
       [6] Saturday
      *[7] Sunday
    }
booking-weekday-short = { $number ->
       [1] Mon
       [2] Tue
       [3] Wed
       [4] Thu
       [5] Fri
       [6] Sat
      *[7] Sun
    }
booking-month = { $number ->
       [1] January
       [2] February
       [3] March
       [4] April
       [5] May
       [6] June
       [7] July
       [8] August
       [9] September
       [10] October
       [11] November
      *[12] December
    }
booking-month-short = { $number ->
       [1] Jan
       [2] Feb
       [3] Mar
       [4] Apr
       [5] May
       [6] Jun
       [7] Jul
       [8] Aug
       [9] Sep
       [10] Oct
       [11] Nov
      *[12] Dec
    }
booking-date = { $weekday } { $day } { $month }
booking-date-with-year = { $date } { $year }
booking-date-short = { $day } { $month }
booking-span = { $from } to { $until } { $zone }
booking-moment = { $date }, { $span }
booking-fault-missing = Fill this in.
booking-fault-missing-name = Enter your name.
booking-fault-missing-email = Enter your email address.
booking-fault-missing-clinic = Enter the name of your clinic.
booking-fault-missing-phone = Enter your phone number.
booking-fault-too-long = Use at most { $most } characters.
booking-fault-unprintable = Remove line breaks and invisible characters.
booking-fault-several-addresses = Enter one email address only.
booking-fault-not-an-address = Enter an email address like name@example.com.
booking-fault-no-ending = This address has no domain ending, such as .com.
booking-fault-no-country = Choose a country, or begin the number with + and the country code.
booking-fault-not-a-phone = Nobody can be called under this number. Check it, or begin with + and the country code.
booking-fault-link = Leave web addresses out of this field.
booking-name = Your name
booking-email = Work email
booking-clinic = Clinic
booking-phone = Phone
booking-country = Country of the number
booking-country-other = Other: begin with +
booking-clinic-type = Kind of clinic
booking-goal = What should it do for you?
booking-notes = Anything we should know
booking-optional = optional
booking-none-chosen = Not said
booking-type-dental = Dental
booking-type-medical = Medical
booking-type-aesthetic = Aesthetic
booking-type-veterinary = Veterinary
booking-type-other = Other
booking-goal-bookings = More bookings
booking-goal-automate = Answer calls automatically
booking-goal-cost = Relieve the front desk
booking-time = Time
booking-their-time = Time for the prospect
booking-language = Language
booking-no-time = No time chosen: wants a call
booking-mail-booked = Your demo is booked
booking-mail-booked-line = we look forward to showing you { $name }. The calendar entry is attached.
booking-mail-asked = We will call you
booking-mail-asked-line = thank you for asking about { $name }. A person from our team will call you to find a time.
booking-mail-moved = Your demo has a new time
booking-mail-moved-line = the time of your demo of { $name } was changed. The calendar entry is attached.
booking-mail-cancelled = Your demo is cancelled
booking-mail-cancelled-line = your demo of { $name } will not take place.
booking-mail-change = See, move or cancel
booking-mail-again = Choose another time
booking-mail-why = You get this because somebody booked a demo with this address. If it was not you, cancel it and you will hear no more.
booking-mail-subject = { $what }: { $when }
booking-sales-booked = New demo: { $clinic }
booking-sales-asked = Call back: { $clinic }
booking-sales-moved = Demo moved: { $clinic }
booking-sales-cancelled = Demo cancelled: { $clinic }
booking-sales-open = Open the booking
booking-calendar-title = Demo of { $name }
booking-calendar-text = See, move or cancel: { $link }
booking-api-booked = Your demo is booked for { $when }.
booking-api-asked = Thank you. A person from { $name } will contact you.
booking-title = Book a demo
booking-description = Choose a time for a demo of { $name }, by your own clock.
booking-lede = See it answer your phone
booking-about = A person from our team sets up a receptionist for your clinic while you watch, then you call it.
booking-point-length = { $minutes } minutes, video or phone
booking-point-question = Bring one real question callers ask
booking-point-invite = Calendar invite by email, move or cancel in one click
booking-steps = Steps
booking-step-time = Pick a time
booking-step-details = Your details
booking-zone = Times shown in
booking-zone-now = { $city }, { $time } now ({ $zone })
booking-zone-show = Show times
booking-day = Day
booking-day-full = full
booking-days-earlier = Earlier days
booking-days-later = Later days
booking-time-on = Time on { $date }
booking-next = Next: your details
booking-no-slots = No demo times are open at the moment.
booking-contact-link = No time suits you? Ask us to call you.
booking-contact-title = Ask us to call you
booking-host-time = For us that is { $when }.
booking-taken = This time has just been taken.
booking-not-offered = This time is no longer offered.
booking-others = The nearest free times
booking-pick = Choose a time.
booking-change = Change
booking-kept = We keep this time for you until { $time }.
booking-phone-help = We call only if the video link fails.
booking-phone-help-call = We call you under this number.
booking-phone-echo = We will dial { $number }.
booking-submit = Book the demo
booking-submit-call = Ask for a call
booking-submitting = Booking…
booking-privacy = We use this to run the demo.
booking-privacy-link = Privacy
booking-errors = Some fields need another look:
booking-did-you-mean = Did you mean { $email }?
booking-trap = Leave this field empty
booking-too-fast = That was quicker than we can check. Press the button once more.
booking-automatic = This looks like it was filled in by a program. Empty the hidden field, or write to us.
booking-too-many = This address has made several bookings today. Use the link in one of your mails, or come back tomorrow.
booking-unavailable = We could not store your booking just now. Nothing you typed is lost: press the button again in a moment.
booking-done = Your demo is booked
booking-done-call = We will call you
booking-mail-on-its-way = A confirmation is on its way to { $email }.
booking-your-time = Your time
booking-our-time = Our time
booking-state = State
booking-state-booked = Booked
booking-state-confirmed = Confirmed
booking-state-moved = Moved
booking-state-over = Over
booking-state-cancelled = Cancelled
booking-add = Add to calendar
booking-move = Move to another time
booking-move-here = Move the demo
booking-moved = Your demo was moved.
booking-keep = Keep the time
booking-cancel = Cancel the demo
booking-cancel-sure = The time becomes free for others. You can book again at any time.
booking-cancelled = This demo is cancelled
booking-over = This demo has begun or is over, so it cannot be changed here.
booking-again = Book another demo
booking-unknown = There is no booking under this link
booking-unknown-line = Check that the whole link from your mail was copied.
