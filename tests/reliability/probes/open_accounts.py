"""Open N accounts, ``NAME0`` and so on, with one password: it is hashed once for all of them.

Arguments: N, NAME, the password.
"""

import asyncio
import sys

from app.config import Settings
from app.models import User
from app.services import Services
from app.users.passwords import Passwords


async def main(number: int, name: str, password: str) -> None:
    settings = Settings.load()
    services = Services(settings)
    hashed = await Passwords(settings.password_min_length, "", 1).hash(password, name)
    async with services.database.new_session() as db:
        db.add_all(
            User(
                username=f"{name}{each}",
                password_hash=hashed,
                role="user",
                created_at=services.clock(),
            )
            for each in range(number)
        )
        await db.commit()
    await services.close()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
