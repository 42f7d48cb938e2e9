"""Receives mails with aiosmtpd and reads them back with Python's parser: prints what is wrong, then "MAILS FAULTS"."""
import datetime, email, email.policy, html, pathlib, re, ssl, subprocess, sys

from aiosmtpd.smtp import SMTP, AuthResult

from smtp_loop import Loop

drive, work = sys.argv[1], pathlib.Path(sys.argv[2])
faults = 0


def check(ok, what):
    global faults
    if not ok:
        faults += 1
        print("fault:", what)


class Inbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content, session.authenticated,
                           session.ssl is not None))
        return "250 taken"


# Words that break naive encoders: long lines without blanks, dots and "From " at line starts, HTML, quotes, wide characters.
NAMES = ["Ann", "O'Neil & <Sons>", "王小明", "Ærøskøbing \"Æ\"", "😀 emoji", "  spaced", "=?UTF-8?B?fake?=", "名" * 120, "x" * 400, "a=b=3D"]
TITLES = ["Green tea", "龙井茶 特级", "50 % off – today only", "Tee für Zwei", "한국 차", "\u202eright", ".", "From here", "--", "=" * 100]
SUBJECT = "{{ name }}: {{ title | default: \"tea\" }} 茶"
TEXT = "你好 {{ name }},\n.\n..\nFrom now on: {{ title }}\ntrailing blank \n\ttab\t\nlook: {{ url | link }}\nleave: {{ unsubscribe_url }}\n"
HTML = ("<html><body><p title=\"{{ name }}\">你好 <b>{{ name }}</b></p>\n<p>{{ title }}</p>"
        "<a href=\"{{ url | link }}\">go</a> <a href='{{ unsubscribe_url }}'>leave</a></body></html>\n")
templates = work / "templates"
templates.mkdir()
for name, text in [("subject.txt", SUBJECT), ("body.txt", TEXT), ("body.html", HTML)]:
    (templates / name).write_text(text, encoding="utf-8", newline="")

LINK = re.compile(r"https://mail\.shop\.example/([cuo])/[A-Za-z0-9_-]+(?:\.gif)?")


def without_links(text):
    return LINK.sub(lambda m: f"<{m.group(1)}>", text)


def expected(template, name, title, escape):
    for field, value in [("name", name), ("title", title)]:
        template = re.sub(r"\{\{ " + field + r"( \| default: \"tea\")? \}\}", lambda m: escape(value), template)
    return template.replace("{{ url | link }}", "<c>").replace("{{ unsubscribe_url }}", "<u>")


def read_back(raw, key, address, name, title):
    check(all(byte < 128 for byte in raw), f"{key}: bytes beyond ASCII")
    check(max(map(len, raw.split(b"\r\n"))) <= 200, f"{key}: a long line")
    check(b"\n" not in raw.replace(b"\r\n", b""), f"{key}: a lone LF")
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    for part in mail.walk():
        check(not part.defects, f"{key}: {part.defects}")
        for header in part:
            check(not getattr(part[header], "defects", ()), f"{key}: {header}: {part[header].defects}")
    check(mail["Subject"] == expected(SUBJECT, name, title, str), f"{key}: subject {mail['Subject']!r}")
    check([(a.display_name, a.addr_spec) for a in mail["From"].addresses] == [("Tea & Co. 茶舍", "news@shop.example")], f"{key}: from {mail['From']}")
    check([a.addr_spec for a in mail["To"].addresses] == [address], f"{key}: to {mail['To']}")
    check([a.addr_spec for a in mail["Reply-To"].addresses] == ["help@shop.example"], f"{key}: reply-to")
    check(mail["Message-ID"] == f"<{key}@shop.example>", f"{key}: message-id {mail['Message-ID']}")
    age = datetime.datetime.now(datetime.timezone.utc) - mail["Date"].datetime
    check(abs(age.total_seconds()) < 120, f"{key}: date {mail['Date']}")
    check(mail["MIME-Version"] == "1.0" and mail.get_content_type() == "multipart/alternative", f"{key}: type")
    check(re.fullmatch(r"<https://mail\.shop\.example/u/[A-Za-z0-9_-]+>,\s*<mailto:leave@shop\.example>", mail["List-Unsubscribe"]), f"{key}: {mail['List-Unsubscribe']}")
    check(mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", f"{key}: one click")
    check(len(mail.keys()) == len(set(k.lower() for k in mail.keys())), f"{key}: a header twice")
    parts = list(mail.iter_parts())
    check([p.get_content_type() for p in parts] == ["text/plain", "text/html"], f"{key}: parts")
    text, page = (without_links(p.get_content().replace("\r\n", "\n")) for p in parts)
    check(text == expected(TEXT, name, title, str), f"{key}: text {text!r}")
    pixel = '<img src="<o>" width="1" height="1" alt="">'
    check(page == expected(HTML, name, title, lambda v: html.escape(v).replace("&#x27;", "&#39;")).replace("</body>", pixel + "</body>"), f"{key}: page {page!r}")


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(work / "cert.pem", work / "key.pem")


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"shop", b"secret"))


ROUNDS = {
    "none": ({}, []),
    "starttls": (dict(tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticate), ["--user", "shop", "--password", "secret"]),
    "tls": (dict(auth_required=True, auth_require_tls=False, authenticator=authenticate), ["--user", "shop", "--password", "secret"]),
}
total = 0
for security, (settings, login) in ROUNDS.items():
    rows = [(f"{security}-{i}-{j}", i * 10 + j + 1, f"c{i}.{j}@mail.example", NAMES[i], TITLES[j]) for i in range(10) for j in range(10)]
    table = work / f"{security}.tsv"
    table.write_text("key\tcustomer\taddress\tname\ttitle\turl\n" + "".join(
        "\t".join([*map(str, row), "https://shop.example/p?id=1&x=%C3%A9"]) + "\n" for row in rows), encoding="utf-8")
    folder = work / security
    inbox = Inbox()
    server = Loop(lambda loop: SMTP(inbox, hostname="localhost", loop=loop, **settings), tls=context if security == "tls" else None)
    port = server.port
    subprocess.run([drive, "fill", "--folder", folder, "--rows", table], check=True, stdout=subprocess.DEVNULL)
    trust = ["--ca", work / "cert.pem"] if security != "none" else []
    subprocess.run([drive, "send", "--folder", folder, "--templates", templates, "--port", str(port), "--security", security, *trust, *login], check=True, timeout=120)
    server.stop()
    received = {}
    for sender, recipients, raw, authenticated, encrypted in inbox.mails:
        check(sender == "bounces@shop.example", f"envelope from {sender}")
        check(bool(authenticated) == (security != "none"), f"{security}: login {authenticated}")
        received.setdefault(recipients[0], []).append(raw)
    for key, _, address, name, title in rows:
        mails = received.get(address, [])
        check(len(mails) == 1, f"{key}: {len(mails)} mails")
        for raw in mails:
            total += 1
            read_back(raw, key, address, name, title)
print(total, faults)
