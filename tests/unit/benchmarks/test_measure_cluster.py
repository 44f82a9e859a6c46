"""What Linux says of a process is read as proc(5) has it."""

from __future__ import annotations

import os

import measure_cluster

STAT = "4711 (a (name) of 3) S 1 4711 4711 0 -1 4194560 100 200 0 0 {} {} {} {} 20 0 9 0 300 400 500\n"


def test_processor_time_of_a_process_and_of_its_programs_and_its_memory_are_told_apart() -> None:
    second = os.sysconf("SC_CLK_TCK")
    text = STAT.format(2 * second, second, 40 * second, 10 * second) + "VmRSS:\t  131072 kB\n"
    assert measure_cluster.told(text) == measure_cluster.Process(own=3, programs=50, resident_mb=128)
