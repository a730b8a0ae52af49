# Words of the public site.

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
site-home-title = The phone is answered before the second ring
site-home-description = { $name } takes every call to your clinic, books the visit, and passes the call to your team when a person is needed.
