"""Addresses, links and mail."""

from tests.mutants.mutant import At

USERS = "app/users/service.py"
LINKS = "app/users/links.py"
RECOVERY = "app/users/recovery.py"
EMAIL = "app/users/emails.py"
OUTBOX = "app/email/outbox.py"
EVENTS = "app/users/account_events.py"
SMTP = "app/email/smtp.py"
MAIL_SETTINGS = "app/mail_settings.py"
DELIVERY_TESTS = ("tests/test_delivery.py", "tests/test_delivery_workers.py")

# One row per mutant; a formatter would give every item of a long row its own line.
# fmt: off
MUTANTS = (
    *At(OUTBOX, *DELIVERY_TESTS, identity="email").faults(
        (71, "two workers send the same mail", "next_attempt_at=now + CLAIM_SECONDS",
         "next_attempt_at=now"),
        (71, "a mail is noted as sent before it is",
         "        try:\n            await send(",
         "        await self._note(delete(OutgoingMail).where(OutgoingMail.id == row.id))\n"
         "        try:\n            await send("),
        (71, "a mail that is refused for a while is given up",
         "is_final=error.is_final", "is_final=True"),
        (71, "a mail that is refused for good is tried for a day",
         "is_final=error.is_final", "is_final=False"),
        (71, "a mail is forgotten while the server is down",
         "str(error), is_final=False)", "str(error), is_final=True)"),
        (71, "a mail is tried for ever", "if is_final or now >= last_attempt_at:", "if is_final:"),
        (71, "one error ends the delivery of mail", "            except Exception:\n",
         "            except LookupError:\n"),
        (71, "a server that is stopped cuts a mail off", "            stopping.set()\n",
         "            task.cancel()\n"),
        (71, "a mail that goes twice looks like two",
         "hashlib.sha256(row.encrypted)", "hashlib.sha256(row.encrypted + bytes(row.attempts))"),
    ),
    *At(SMTP, *DELIVERY_TESTS, identity="email").faults(
        (71, "a mail server that hangs is waited for without end",
         "asyncio.timeout(SEND_SECONDS)", "asyncio.timeout(None)"),
        (71, "a refused sender loses the mail",
         "    except aiosmtplib.SMTPDataError as",
         "    except aiosmtplib.SMTPResponseException as"),
        (0, "what a mail server says opens a link from the log",
         '_TOKEN.sub("token=...", line)', "line"),
        (0, "what a mail server says forges a line of the log",
         'each if each.isprintable() else " "', "each"),
    ),
    *At(MAIL_SETTINGS, *DELIVERY_TESTS, identity="email").faults(
        (71, "mail is sent in the clear", '"start_tls": not is_tls,',
         '"start_tls": None if not is_tls else False,'),
        (71, "any certificate of a mail server will do",
         "ssl.create_default_context()", "ssl._create_unverified_context()"),
    ),
    *At("app/email/messages.py", "tests/test_notices.py", identity="email").faults(
        (72, "strangers put their words into mails",
         "browser if browser in BROWSERS else", "browser or"),
        (72, "strangers put their words into mails as the name of a system",
         "if system in SYSTEMS else name", "if system else name"),
    ),
    *At("app/email/messages.py", *DELIVERY_TESTS, identity="email").faults(
        (72, "a mail shows HTML that a client has sent",
         'autoescape=select_autoescape(["html"]),', "autoescape=False,"),
    ),
    *At(SMTP, *DELIVERY_TESTS, identity="email").faults(
        (72, "a mail has no text form",
         "message.set_content(mail.text)", 'message.set_content(mail.html, subtype="html")'),
    ),
    *At(EMAIL, "tests/test_mail_operation.py", identity="email").faults(
        (73, "anybody can flood a mailbox",
         "MAX_MAILS, MAILS_WINDOW_SECONDS = 5,", "MAX_MAILS, MAILS_WINDOW_SECONDS = 500,"),
    ),
    *At("app/users/account_events.py", "tests/test_recovery.py", "tests/test_notices.py",
        identity="email").faults(
        (73, "anybody can send any number of mails",
         "MAILS_PER_MINUTE = 20", "MAILS_PER_MINUTE = 2000"),
        (73, "whoever has a session buries a mailbox",
         "        await self.limit_mail(client, user.id)\n", ""),
        (73, "a stranger's mails keep neighbours from changing their passwords",
         "self.limit_mail(client, user.id)", "self.limit_mail(client)"),
    ),
    *At(LINKS, "tests/test_recovery.py", identity="email").faults(
        (72, "links lead elsewhere than PUBLIC_URL says",
         'f"{self.public_url}/{purpose}?', 'f"http://localhost:8000/{purpose}?'),
    ),
    *At(LINKS, "tests/test_registration.py", identity="email").faults(
        (64, "the link of an earlier registration by somebody else stays good",
         "for each in Link.__table__.columns}",
         'for each in Link.__table__.columns if each.name != "key"}'),
    ),
    *At(RECOVERY, "tests/test_change_of_address.py", identity="email").faults(
        (66, "a link to an earlier address sets the password",
         "        Link.about == User.email,\n", ""),
    ),
    *At(USERS, "tests/test_notices.py", identity="email").faults(
        (70, "nobody is told of a new password", "*more, *notice, **changes", "*more, **changes"),
    ),
    *At(EVENTS, "tests/test_notices.py", identity="email").faults(
        (70, "what has happened is listed, and nobody is told by mail",
         "return [*self.record(user.id, what, client, detail), mail]",
         "return mail and self.record(user.id, what, client, detail)"),
    ),
    *At(
        EMAIL, "tests/test_registration.py", "tests/attacks/test_enumeration_by_mail.py",
        identity="email",
    ).faults(
        (65, "an unknown address gets no mail, and costs less",
         '            template = "no_account"\n', "            return\n"),
        (65, "a taken address costs no hash",
         "        hashed = await self.users.passwords.hash(password, email)\n"
         "        user = await self._prepare(email)\n        if user:\n",
         "        user = await self._prepare(email)\n"
         '        hashed = user or await self.users.passwords.hash(password, email)\n'
         "        if user:\n"),
    ),
    *At(
        EMAIL, "tests/test_change_of_address.py", "tests/test_recovery.py", identity="email"
    ).faults(
        (69, "the address that an account has is not told of another",
         "            *await self.users.events.notify(auth.user, what, auth.client, new),\n", ""),
        (69, "whoever was signed in gets the account after the password was changed",
         "                User.session_version == link.session_version,\n", ""),
        (73, "a mailbox is flooded",
         "MAILS_WINDOW_SECONDS = 5, ", "MAILS_WINDOW_SECONDS = 500, "),
        (73, "a mailbox is flooded by tags", "hash_name(mailbox_of(email))", "hash_name(email)"),
    ),
    *At(EMAIL, "tests/test_change_of_address.py", database="postgresql", identity="email").faults(
        (66, "several clicks at once all use a link",
         "                User.email == link.about,\n", ""),
    ),
    *At("app/web/request_session.py", "tests/test_notices.py", identity="email").faults(
        (70, "whoever is signed in with an error is told to nobody",
         "        await self.services.known_devices.note(user, self.client)\n"
         "        # Nothing may fail from here on: nobody gets the cookie with an error.\n"
         "        self.session, self.user = session, user\n",
         "        self.session, self.user = session, user\n"
         "        await self.services.known_devices.note(user, self.client)\n"),
    ),
    *At(EMAIL, "tests/test_registration.py", identity="email").faults(
        (0, "a registration lives for as long as somebody asks for its link",
         ", Link.expires_at > self.users.clock()", ""),
        (0, "registration goes on once it is closed",
         "if purpose == VERIFY and not self.settings.allow_registration:", "if not token:"),
        (0, "a link is sent once registration is closed",
         " and self.settings.allow_registration", ""),
    ),
    *At(EMAIL, "tests/test_recovery.py", identity="email").faults(
        (0, "whoever is deleted meanwhile causes an error",
         "with suppress(IntegrityError):", "with suppress(KeyError):"),
    ),
    *At("app/users/known_devices.py", "tests/test_notices.py", identity="email").faults(
        (73, "a thief buries what the owner is told",
         "MAX_MAILS, MAILS_WINDOW_SECONDS = 5,", "MAX_MAILS, MAILS_WINDOW_SECONDS = 500,"),
        (70, "nobody is told of a sign-in from another device",
         "*(() if is_first else (mail,))", "*()"),
        (70, "nobody is told of who wakes an account that slept for long",
         "is_first = is_new and not (", "is_first = not ("),
        (70, "nobody is told of a thief if the clock was far ahead once",
         " <= now + CLOCK_LEEWAY_SECONDS", ""),
        (55, "a device seen by a clock far ahead is known for years",
         "seen_at > now + KEEP_SECONDS", "seen_at > now + 10**12"),
    ),
    *At(OUTBOX, "tests/test_delivery_workers.py", identity="email").faults(
        (71, "a mail of a clock far ahead waits for years", "or_(at <= now, at > latest)",
         "at <= now"),
        (71, "a mail of a clock far ahead is sent for years",
         "created_at=case((created_at > now, now), else_=created_at),", ""),
    ),
)
# fmt: on
