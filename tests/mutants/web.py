"""Routes, requests and pages."""

from tests.mutants.mutant import At

REQUEST_SESSION = "app/web/request_session.py"
CSRF = "app/web/csrf.py"
MIDDLEWARE = "app/web/middleware.py"
BODY = "app/web/request_body.py"
WEBSOCKET = "app/web/websocket.py"
DEPENDENCIES = "app/web/dependencies.py"
MAIN = "app/main.py"
REDIRECTS = "app/pages/redirects.py"
ERRORS = "app/web/errors.py"

# One row per mutant; a formatter would give every item of a long row its own line.
# fmt: off
MUTANTS = (
    *At(REQUEST_SESSION, "tests/test_cookie.py").faults(
        (3, "the cookie survives the browser without remember me",
         " if record.remember else None", ""),
        (4, "logout leaves the cookie",
         "self._deletes_cookie = True", "self._deletes_cookie = False"),
    ),
    *At(REQUEST_SESSION, "tests/attacks/test_fixation.py").faults(
        (5, "the framework parses the cookie", "return self.services.cookie.read(self._headers)",
         'cookies = HTTPConnection({"type": "http", "headers": self._headers}).cookies\n'
         "        return [cookies[name]] if (name := self.services.cookie.name) in "
         "cookies else []"),
        (6, "of two cookies the first counts", "if len(tokens) > 1:", "if len(tokens) > 2:"),
    ),
    *At(REQUEST_SESSION, "tests/test_sign_in.py").faults(
        (19, "logout only deletes the cookie",
         "await self.services.sessions.revoke(*self.session_tokens())", "self.session_tokens()"),
    ),
    *At(REQUEST_SESSION, "tests/attacks/test_every_route.py").faults(
        (46, "responses to a session are cached", '(b"cache-control", b"no-store"), ', ""),
        (46, "responses do not vary by cookie", ', (b"vary", b"Cookie")', ""),
    ),
    *At("app/web/middleware.py", "tests/test_head.py").faults(
        (49, "HEAD is for routes that declare it",
         'and scope["method"] == "HEAD"', "and not scope"),
    ),
    *At("app/web/middleware.py", "tests/test_headers.py").faults(
        (0, "what is no Exception is answered without headers",
         "except BaseException as error:", "except Exception as error:"),
    ),
    *At(BODY, "tests/attacks/test_smuggling.py").faults(
        (51, "a body without a length is not limited",
         "self._received += len(message", "self._received = len(message"),
    ),
    *At("app/web/middleware.py", "tests/attacks/test_guessing.py").faults(
        (57, "a byte beyond ASCII makes a new address",
         'host.encode("latin-1", "replace")', "host.encode()"),
    ),
    *At("app/api/schemas.py", "tests/test_users.py").faults(
        (62, "a body that is printed shows the password", "Field(repr=False)", "Field()"),
    ),
    *At("app/pages/auth.py", "tests/test_pages.py").faults(
        (63, "a cookie that is not kept goes unsaid",
         "cookie_not_kept=signed_in", "cookie_not_kept=False"),
    ),
    *At(REDIRECTS, "tests/test_pages.py").faults(
        (63, "over plain HTTP, a cookie that is not kept goes unsaid",
         '"upgrade-insecure-requests" in sent or ', ""),
    ),
    *At("app/pages/auth.py", "tests/attacks/test_every_route.py").faults(
        (29, "a link can sign out",
         '@router.post("/logout")', '@router.api_route("/logout", methods=["GET", "POST"])'),
    ),
    *At(CSRF, "tests/attacks/test_cross_site.py").faults(
        (28, "an origin that starts like ours is ours",
         'origin[0] not in (own_origin, "null")',
         'not origin[0].startswith((own_origin, "null"))'),
        (28, "an origin with another scheme is ours",
         'origin[0] not in (own_origin, "null")',
         'origin[0].partition("://")[2] not in (own_origin.partition("://")[2], "")'),
        (28, "the origin of what the user does is not compared",
         "if origin and origin[0] not in", "if origin and not sec_fetch_site and origin[0] not in"),
        (28, "the origin null is ours", 'if origin == ["null"]:', "if not headers:"),
        (28, "sibling subdomains are ours",
         '("same-origin", "none")', '("same-origin", "same-site", "none")'),
        (28, "an origin that is sent twice is ours",
         "if len(sec_fetch_site) > 1 or len(origin) > 1:", "if not method:"),
    ),
    *At(MIDDLEWARE, "tests/test_websocket.py").faults(
        (36, "any site opens a WebSocket", 'else "CONNECT"', 'else "GET"'),
    ),
    *At(ERRORS, "tests/test_head.py").faults(
        (49, "HEAD of a mounted app runs GET",
         "and _are_routes(inner):", "and not inner:"),
        (49, "an app of another framework breaks HEAD",
         "isinstance(found, list) and found != [] and all(isinstance(r, BaseRoute) for r in found)",
         "bool(found)"),
        (49, "whatever route declares HEAD takes it from all others",
         'if match is Match.FULL or "GET" in methods:', 'if "HEAD" in methods:'),
    ),
    *At(MIDDLEWARE, "tests/test_headers.py").faults(
        (49, "a mounted app names one of its methods",
         "with_allow(headers, _as_entered(scope))", "headers"),
    ),
    *At(ERRORS, "tests/test_headers.py").faults(
        (49, "whoever may GET is not told of HEAD",
         'methods | {"HEAD"} if', "methods if"),
    ),
    *At(MIDDLEWARE, "tests/test_websocket_errors.py").faults(
        (45, "a WebSocket that is not answered is refused without headers",
         "await socket.end()", "pass"),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_every_route.py").faults(
        (34, "any Host is served", "if host in self._hosts:", "if self._hosts:"),
        (0, "the app is served below a path", 'if scope.get("root_path"):', "if not scope:"),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_guessing.py").faults(
        (57, "whoever names their own port is taken for this machine", "None if port else (", "("),
        (34, "forwarding headers are trusted by default",
         "if self._ignores_proxies:", "if not self:"),
    ),
    *At(MIDDLEWARE, "tests/test_headers.py").faults(
        (35, "production serves plain http",
         'if self._production and scope["scheme"] in ("http", "ws"):', "if scope is None:"),
        (35, "development pins localhost to https",
         'settings.production and scope["scheme"] in', 'scope["scheme"] in'),
    ),
    *At("app/web/headers.py", "tests/test_headers.py").faults(
        (45, "inline styles are allowed", "style-src 'self';", "style-src 'self' 'unsafe-inline';"),
        (45, "pages can be framed", '    (b"x-frame-options", b"DENY"),\n', ""),
        (46, "a cache goes on with what it has",
         '    (b"cache-control", b"no-cache"),\n', ""),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_bodies.py").faults(
        (44, "a body goes on for as long as somebody sends",
         "if body.is_endless:", "if not body:"),
        (0, "a connection is closed while its client still sends",
         "                await body.drain()\n", ""),
    ),
    *At(BODY, "tests/attacks/test_bodies.py").faults(
        (50, "a route's own limit for bodies is ignored",
         "self._scope.get(MAX_BODY_SIZE_SCOPE_KEY, self._max_bytes)", "self._max_bytes"),
        (44, "a body over the limit is read to its end",
         "self._size = max(self._size, self._received)", "self._size += 0"),
        (44, "the Content-Length of a body is ignored",
         "if announced.isdigit() else 0", "if not announced else 0"),
        (44, "a body that was announced goes on for as long as somebody sends",
         " or self._size > max_bytes", ""),
        (0, "what is streamed is cut off for a body that nobody reads",
         "                if not self.is_answered:\n", "                if self._size:\n"),
    ),
    *At(BODY, "tests/test_websocket.py").faults(
        (0, "a handshake that announces a body opens no WebSocket",
         ' and scope["type"] == "http"', ""),
    ),
    *At(WEBSOCKET, "tests/test_security_page.py").faults(
        (48, "a limit in force is not the one on the page",
         "MESSAGES_AT_ONCE = 50, 500", "MESSAGES_AT_ONCE = 50, 5_000"),
    ),
    *At(WEBSOCKET, "tests/test_websocket.py").faults(
        (36, "a WebSocket outlives its session",
         "is_active = await sessions.is_active(session.token)", "is_active = bool(session)"),
        (52, "a WebSocket may send more than a person could", "if allowed < 0:", "if not message:"),
    ),
    *At(MIDDLEWARE, "tests/test_websocket.py").faults(
        (52, "the messages of WebSockets are not counted",
         "receive_checked, send_checked = socket.receive, socket.send",
         "send_checked = socket.send"),
    ),
    *At(REQUEST_SESSION, "tests/attacks/test_floods.py").faults(
        (53, "an address may register as many as it likes", "* WIDER", "* 1_000_000"),
    ),
    *At(DEPENDENCIES, "tests/test_dependencies.py").faults(
        (31, "an app that requires a session is open",
         "        await current_user(HTTPConnection(scope))\n", ""),
    ),
    *At("app/web/default_deny.py", "tests/test_dependencies.py").faults(
        (31, "what is not an ordinary route is public",
         "if any(map(_serves_files, _routers(app.router))):", "if not app:"),
        (31, "what is inside a mounted app is public",
         "            yield from _unprotected(inner, path)", "            continue"),
        (31, "what answers when no route does is public",
         "if any(router.default != router.not_found for", "if any(router is None for"),
    ),
    *At(DEPENDENCIES, "tests/attacks/test_bodies.py").faults(
        (43, "every user is an administrator", "if user.role not in roles:", "if not user.role:"),
    ),
    *At("app/api/routes.py", "tests/attacks/test_bodies.py").faults(
        (30, "the API's routes take bodies without a content type",
         'APIRouter(prefix="/api", ', 'APIRouter(prefix="/api", strict_content_type=False, '),
    ),
    *At(MAIN, "tests/test_dependencies.py").faults(
        (31, "an undeclared route is public",
         "    refuse_unprotected_routes(app)\n    yield", "    yield"),
    ),
    *At(MAIN, "tests/test_openapi.py").faults(
        (35, "production shows the documentation", "if not settings.production:", "if settings:"),
    ),
    *At(MAIN, "tests/test_cors.py").faults(
        (33, "any site reads responses",
         "allow_origins=settings.trusted_origins,", 'allow_origins=["*"],'),
    ),
    *At(MAIN, "tests/attacks/test_bodies.py").faults(
        (30, "the API takes bodies without a content type",
         "redirect_slashes=False,", "redirect_slashes=False,\n        strict_content_type=False,"),
    ),
    *At(MIDDLEWARE, "tests/test_headers.py").faults(
        (45, "the last-resort 500 has no headers",
         "await response(entered, receive, send_checked)",
         "await response(entered, receive, send)"),
        (50, "a handler of yours for whatever fails responds outside of all checks",
         'if body.is_answered or state["outermost_app"].debug or', "if error or"),
        (0, "whatever a handler says is the end of it, and nothing is logged",
         "            if not isinstance(error, HTTPException):\n", "            if not error:\n"),
    ),
    *At(MIDDLEWARE, "tests/test_headers.py").faults(
        (45, "after a mounted app, whatever fails is answered without headers",
         '"app": scope["state"]["outermost_app"], "root_path"', '"root_path"'),
    ),
    *At(MIDDLEWARE, "tests/test_errors.py").faults(
        (50, "the status of an error leaves the client waiting for another",
         'if not 200 <= message["status"] < 600:', 'if not message["status"]:'),
    ),
    *At(WEBSOCKET, "tests/test_websocket_errors.py").faults(
        (45, "a handshake is refused without headers",
         'message["type"] == "websocket.close" and self._may_respond:', "not message:"),
        (50, "an error of an open WebSocket drops its connection",
         'if self._state == "open" and', "if not message and"),
        (50, "an error after the end of a WebSocket is said to nobody",
         "if state or message", 'if message["type"] or message'),
        (50, "an error after the client has left is said to nobody",
         'if message["type"] == "websocket.disconnect":\n            self._state',
         "if not message:\n            self._state"),
        (0, "a server that takes no response is given one", " and self._may_respond:", ":"),
    ),
    *At(ERRORS, "tests/test_websocket_errors.py").faults(
        (0, "what a middleware of yours refuses over a WebSocket is a fault of the server",
         "error if isinstance(error, HTTPException) else HTTP", "HTTP"),
    ),
    *At(ERRORS, "tests/test_headers.py").faults(
        (50, "what a middleware of yours lets through is a fault of the server",
         "if isinstance(error, HTTPException):", "if not error:"),
    ),
    *At(REDIRECTS, "tests/test_strict_links.py").faults(
        (0, "with strict cookies, a long link is lost",
         "local_address(address_of(request))", "safe_next(address_of(request))"),
        (32, "with strict cookies, a link leads to another site",
         "local_address(address_of(request))", "address_of(request)"),
    ),
    *At(REDIRECTS, "tests/attacks/test_open_redirects.py").faults(
        (32, "next leads to whatever starts with a slash",
         "if not (_LOCAL.fullmatch(address) and _LOCAL_DECODED.fullmatch(path)):",
         'if not address.startswith("/"):'),
        (32, "next is only checked as it was sent",
         " and _LOCAL_DECODED.fullmatch(path)", ""),
        (0, "next is not resolved as browsers do",
         'return HOME if {".", ".."}.intersection(path.split("/")) else address',
         "return address"),
    ),
    *At(ERRORS, "tests/attacks/test_bodies.py").faults(
        (0, "an error echoes what was sent",
         '("type", "loc", "msg")', '("type", "loc", "msg", "input")'),
    ),
    *At(ERRORS, "tests/test_sign_in.py").faults(
        (0, "401 has no challenge",
         "return {**headers, **get_request_session(connection).challenge}", "return headers"),
    ),
    *At(ERRORS, "tests/test_errors.py").faults(
        (50, "an error costs the next request on its connection",
         "if not is_body_allowed_for_status_code(status):", "if not status:"),
        (50, "a 401 of a route of yours does not say how to sign in",
         "if error.status_code == 401", "if isinstance(error, AppError) and error.status == 401"),
        (50, "a 401 asks for a session instead of what its route asks for",
         ' and "WWW-Authenticate" not in headers:', ":"),
        (50, "a validation error of a route of yours is a fault of the server",
         '("type", "loc", "msg") if key in errors}', '("type", "loc", "msg")}'),
    ),
    *At("app/pages/errors.py", "tests/test_errors.py").faults(
        (50, "an error without content is a page",
         " or not is_body_allowed_for_status_code(status)", ""),
        (50, "what an error says to programs makes its page fail",
         'case {"loc": [*_, name], "msg": text}:',
         'case {"loc": name}:\n            text = detail["msg"]'),
    ),
    *At(ERRORS, "tests/test_error_pages.py").faults(
        (0, "a session that ended meanwhile does not lead to sign in",
         "request_session.session = request_session.user = None", "request_session.user = None"),
    ),
    *At("app/errors.py", "tests/attacks/test_guessing.py").faults(
        (40, "429 has no Retry-After", "if self.retry_after:",
         "if self.retry_after and self.status != 429:"),
    ),
    *At(ERRORS, "tests/test_users.py").faults(
        (0, "a request beside the deletion of its account is a fault of the server",
         "fetch_one(same) is None", "fetch_one(same) is same"),
        (0, "a fault of a route signs people out",
         "fetch_one(same) is None", "fetch_one(same) is not same"),
    ),
    *At("app/web/rate_limit.py", "tests/test_rate_limit.py").faults(
        (0, "routes of different prefixes share a count",
         'str(route.path or getattr(route, "host", ""))', '""'),
        (0, "whoever changes a parameter has another count", " {route.path}", " {scope['path']}"),
        (0, "whoever changes a parameter of a mount has another count",
         '_declared_path(outermost.routes, {**scope, "root_path": ""})', 'scope["root_path"]'),
        (0, "each method of a route has a count",
         "sorted(getattr(route, 'methods', ()))", "scope.get('method')"),
        (0, "routes at one path share a count", "{sorted(getattr(route, 'methods', ()))}", ""),
        (0, "routes of different mounted apps share a count",
         '_declared_path(outermost.routes, {**scope, "root_path": ""})', '""'),
        (0, "routes of a mounted app share a count behind what stands around it",
         "if connection.app is not outermost:", "if not outermost:"),
    ),
    *At("app/request_limit.py", "tests/test_rate_limit.py").faults(
        (0, "who is refused makes others wait", "        if full:\n", "        if not limit:\n"),
        (0, "requests at once take all connections",
         "self.turns.take(name)", "self.turns.take(str(object()))"),
        (0, "requests at once are not limited", "if count > limit:", "if count < 0:"),
        (0, "a clock that was wrong once blocks for years",
         "or_(RequestCount.resets_at <= now, RequestCount.resets_at > now + window)",
         "or_(RequestCount.resets_at <= now)"),
    ),
    *At("app/pages/templating.py", "tests/test_pages.py").faults(
        (0, "pages show usernames unescaped", "autoescape=True", "autoescape=False"),
    ),
    *At("app/pages/forms.py", "tests/test_pages.py").faults(
        (0, "an error is shown next to another field",
         "fields.get(type(error), current)", '"username"'),
    ),
    *At("app/pages/forms.py", "tests/test_forms.py").faults(
        (0, "an error of a whole form is a failure of the app",
         'str(each["loc"][0]) if each["loc"] else ""', 'str(each["loc"][0])'),
        (0, "people are told what is for programmers",
         "isinstance(own := details.get(\"error\"), Exception)", "(own := details.get(1))"),
    ),
    *At("app/pages/templating.py", "tests/test_pages.py").faults(
        (0, "browsers refuse script and style", "hashlib.sha384(", "hashlib.sha3_384("),
    ),
    *At("app/pages/templating.py", "tests/test_flash.py").faults(
        (0, "a flash message is shown again", "    delete_flash(request, response)\n", ""),
    ),
    *At("app/pages/flash.py", "tests/test_flash.py").faults(
        (0, "a flash message may be cached",
         'response.headers["Cache-Control"] = "no-store"', "pass"),
    ),
    *At("app/pages/cookies.py", "tests/test_flash.py").faults(
        (0, "a flash message is shown hours later",
         "is_current(expires_at, max_age, services.clock())", "expires_at"),
        (0, "a flash message of a clock far ahead is shown for years",
         "is_current(expires_at, max_age, services.clock())", "services.clock() < expires_at"),
        (0, "flash messages are signed for no purpose", 'salt=f"app.pages.{name}", ', ""),
        (0, "a flash message is signed with the oldest key",
         "in reversed(settings.secret_keys)", "in settings.secret_keys"),
        (0, "a forged flash message is an error", "except BadData:", "except ZeroDivisionError:"),
        (0, "scripts can read flash messages", '"httponly": True', '"httponly": False'),
    ),
    *At("app/pages/errors.py", "tests/test_error_pages.py").faults(
        (35, "in production the page of an error shows the traceback",
         "if error is None or get_request_session(request).services.settings.production:",
         "if error is None:"),
        (50, "a 401 sends whoever is signed in round and round",
         " and request_session.session is None", ""),
        (50, "a page that knows nobody leads to sign in, round and round",
         " and request_session.depends_on_session", ""),
        (50, "a 401 leads to sign in, whatever it asks for", "return is_own and", "return"),
    ),
    *At("app/pages/admin.py", "tests/test_admin_page.py").faults(
        (74, "every user may look at the account of another",
         "_: AdminUser, __: FreshUser, db: DbSession,", "_: FreshUser, db: DbSession,"),
        (74, "the log does not say which administrator it was",
         "security_log.administrator.set(admin.id)", "security_log.administrator.set(None)"),
    ),
    *At("app/web/begun.py", "tests/test_sign_in_page.py").faults(
        (0, "a name that was registered stays in the browser",
         'in ("name", "link")]', 'in ("link",)]'),
    ),
    *At(REQUEST_SESSION, "tests/test_sign_in_page.py").faults(
        (0, "what was begun stays in the browser after a sign-in",
         "if self._has_signed_in or self._deletes_cookie:", "if self._deletes_cookie:"),
        (0, "what was begun stays in the browser after a sign-out",
         "if self._has_signed_in or self._deletes_cookie:", "if self._has_signed_in:"),
    ),
    *At("app/pages/session_list.py", "tests/test_session_list_page.py").faults(
        (22, "every device is shown as this one",
         '"current": each.key == current', '"current": True'),
    ),
    *At(MIDDLEWARE, "tests/test_logs.py").faults(
        (0, "clients choose the id of their request",
         'f"{random.getrandbits(64):016x}"',
         'headers.get(b"x-request-id", b"1").decode()'),
    ),
    *At("app/web/websocket.py", "tests/test_websocket.py").faults(
        (52, "one user takes all connections of a process",
         "if open_sockets[user_id] >= MAX_SOCKETS:", "if not user_id:"),
        (52, "a socket that was closed counts for ever",
         "        open_sockets -= Counter([user_id])\n", ""),
        (52, "a socket whose client reads nothing does not count while it is closed",
         "            await websocket.close(POLICY_VIOLATION",
         "            open_sockets -= Counter([user_id])\n"
         "            await websocket.close(POLICY_VIOLATION"),
    ),
    *At("app/web/begun.py", "tests/test_reset_page.py").faults(
        (67, "the next person finds the link of the one before",
         'in ("name", "link")]', 'in ("name",)]'),
    ),
    *At("app/config.py", "tests/test_config.py").faults(
        (0, "a list of hosts does not begin with an IPv6 address",
         " and not _IPV6.match(value)", ""),
    ),
    *At("app/origins.py", "tests/test_config.py").faults(
        (0, "links begin with what no browser takes for an origin",
         ' or not _HOST.fullmatch(parts["host"]):', ":"),
        (33, "a wildcard is a trusted origin", "(?P<host>[^/:*]+", "(?P<host>[^/:]+"),
    ),
    *At("app/pages/links.py", "tests/test_reset_page.py").faults(
        (67, "the token of a link stays in the address bar",
         "    if token:\n        return keep_token(request, token)\n"
         "    user = await recovery.check_link(kept_token(request))",
         "    user = await recovery.check_link(token or kept_token(request))"),
        (67, "a cache keeps the page that a link opens", "headers=NO_STORE, owner", "owner"),
        (67, "any text of a link comes into a cookie", "if not _TOKEN.fullmatch(token):",
         "if not token:"),
    ),
    *At("app/pages/cookies.py", "tests/test_reset_page.py").faults(
        (5, "the framework parses the cookie of a link",
         'read_cookie(request.scope["headers"], attributes(request, name)["key"])',
         'list(filter(None, [request.cookies.get(attributes(request, name)["key"])]))'),
    ),
)
# fmt: on
