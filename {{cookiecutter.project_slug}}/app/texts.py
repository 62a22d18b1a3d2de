"""What people read, in one place: to translate the app, translate this file.

What is for operators (settings, commands, logs) stays where it is said.
"""

# Names and passwords.
NAME_NEEDED = "A user name is needed."
NAME_TOO_LONG = "A user name has at most {} characters."
NAME_NOT_VISIBLE = "A user name holds visible characters only."
NAME_TAKEN = "That user name is taken."
PASSWORD_TOO_SHORT = "A password needs at least {} characters."
PASSWORD_TOO_LONG = "A password has at most {} characters."
PASSWORD_WITH_NUL = "A password may not hold a NUL character."
PASSWORD_WITH_A_NAME = "A password may not contain your user name or this app's name."
PASSWORD_EASY = "That password is easy to guess."
SIGN_IN_FAILED = "Wrong user name or password."
WRONG_PASSWORD = "That is not your password."
TOO_MANY_FAILURES = "Too many failed attempts. Try again in {} min."

# Requests that are refused, or cannot be served.
REGISTRATION_CLOSED = "Registration is closed."
SIGN_IN_FIRST = "Sign in first."
CONFIRM_FIRST = "Confirm your password first: POST /api/confirm."
ROLE_NEEDED = "This needs the role {}."
NO_SUCH_SESSION = "There is no such session."
REFUSED = "This request was refused: {}."
FROM_ANOTHER_SITE = "it comes from another site"
FROM_ANOTHER_ORIGIN = "its Origin is not this app's"
ORIGIN_SENT_TWICE = "a header that says where the request comes from was sent twice"
TOO_LARGE = "The request is too large."
NO_ROOM = "The session has no room for this value."
OUT_OF_REACH = "A part of this service does not answer. Try again in a few seconds."
UNEXPECTED = "Something failed here, and has been noted. Try again later."

# Examples to start from.
ONLY_YOU = "Hello {}, only you can see this."
EVERYBODY = "Hello, everybody can see this."
#{% if cookiecutter.frontend == "html" %}

# The pages. Their language (BCP 47) with its region, as in "de-DE": times are told in it, too.
LANGUAGE = "en"

SKIP = "Skip to the content"
ACCOUNT_MENU = "Account"
USER_NAME = "User name"
PASSWORD = "Password"
SHOW_PASSWORD = "Show password"
FAULT_PREFIX = "Error: "

SIGN_IN = "Sign in"
SIGN_OUT = "Sign out"
REMEMBER_ME = "Remember me on this device"
REMEMBER_HINT = "Leave this open on a device that others use."
REGISTERED = "Your account is open. Sign in to start."
NO_ACCOUNT = "No account yet?"

REGISTER = "Register"
HAVE_ACCOUNT = "You have an account?"
NAME_HINT = "What you sign in with. Capitals make no difference."
POLICY_LENGTH = "{} to {} characters; any will do, spaces too."
POLICY_EASY = "Not easy to guess, and without your user name or this app's name in it."
POLICY_ADVICE = "A few words that do not belong together are easier to remember than a riddle."

DASHBOARD = "Dashboard"
HELLO = "Hello {}"
YOURS = "You are signed in. This page is yours alone; build here."
YOUR_SESSION = "Your session"
SIGNED_IN = "Signed in"
ENDS = "Ends if left alone"
ROLE = "Role"
TO_ACCOUNT = "Change your password, or sign out elsewhere"

ACCOUNT = "Account"
PASSWORD_CHANGED = "Your password is changed, and you are signed out everywhere else."
CURRENT_PASSWORD = "Current password"
NEW_PASSWORD = "New password"
ENDS_OTHERS = "You will be signed out everywhere else."
CHANGE_PASSWORD = "Change password"
#{% if cookiecutter.session_backend == "signed-cookie" %}
OTHER_DEVICES = "Other devices"
END_OTHERS_HINT = "If you have used a device that is not yours, sign it out from here."
#{% else %}
DEVICES = "Where you are signed in"
BROWSER_ON_SYSTEM = "{} on {}"
UNKNOWN_BROWSER = "Unknown browser"
THIS_COMPUTER = "this app's own computer"
LOCAL_NETWORK = "local network, {}"
THIS_DEVICE = "this device"
LAST_SEEN = "last seen"
MORE_DEVICES = "and {} more, which were seen longer ago"
#{% endif %}
END_OTHERS = "Sign out everywhere else"
ACCOUNT_ITSELF = "The account itself"

CONFIRM = "Confirm your password"
CONFIRM_WHY = "What you are about to do is for you alone, so please show that it is still you."
GO_ON = "Go on"

DELETE = "Delete your account"
DELETE_WHAT = "The account {} and everything kept with it will be gone for good."
DELETE_ENDS = "You will be signed out everywhere."
DELETE_NOW = "Delete the account"
KEEP = "Keep it"

ONE_MOMENT = "One moment"

# Errors by their status: a heading, and what is said when the app has nothing nearer to say.
# Every other status has those of 400.
ERRORS = {
    400: ("That did not work", "Something in the request is not valid. Go back and try again."),
    403: ("Not allowed", "This is not for you."),
    404: ("Not found", "There is nothing at this address. It may have been mistyped."),
    413: ("Too large", "Send less at once."),
    429: ("Too many attempts", "Wait a while before the next one."),
    500: ("Something went wrong", "Try again later."),
    503: ("Out of reach for the moment", "Try again in a few seconds."),
}
TO_HOME = "Back to the first page"
#{% endif %}
