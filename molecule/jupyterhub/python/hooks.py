"""What a hub's administrator says in Python."""
# pylint: disable=undefined-variable  # Jupyter defines c


async def name_the_course(spawner):
    spawner.environment["COURSE"] = f"physics of {spawner.user.name}"


c.Spawner.pre_spawn_hook = name_the_course
