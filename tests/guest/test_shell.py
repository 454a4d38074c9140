# SPDX-License-Identifier: MIT
"""A person at the prompt: keys arrive on the serial line, and the line is edited, recalled, run and interrupted."""
from quire import Image, check, test
from terminal import Terminal


@test
def a_person_at_the_prompt():
    with Image(cmdline="norun") as img:
        t = Terminal(img.path, b"quire$ ")
        with t.guest as g:
            t.expect(b"docs/conformance.md lists all")          # the summary of the ledger
            t.expect(b"quire$ ")
            t.run(b"echo helo\x1b[Dl\r", b"\r\nhello\r\n")     # left arrow: the missing letter goes before the last
            t.run(b"\x1b[A\r", b"\r\nhello\r\n")              # up: once more
            t.run(b"echo xy\x7f\x7fz\x01\x05 w\r", b"\r\nz w\r\n")       # backspace, home, end
            t.run(b"echo one two | cat > /root/x; cat < /root/x && false || echo three\r", b"\r\none two\r\nthree\r\n")
            t.run(b"sleep 0.1 & wait; echo waited $?\r", b"\r\nwaited 0\r\n")
            t.run(b"mkdir /root/d; ls /root; ls -l /demo/persist; stat /root/x\r", b"size 8")
            t.type(b"cat\r")
            t.expect(b"cat\r\n", 10)
            t.type(b"through the line discipline\r")
            t.expect(b"discipline\r\nthrough the line discipline\r\n")
            t.run(b"\x03", b"^C")                          # interrupts cat, not the shell
            t.run(b"echo status $?\r", b"\r\nstatus 130\r\n")
            t.type(b"/conformance/terminal /dev/console typed\r")
            for word in (b"one", b"two", b"six"):
                t.expect(b"type " + word + b"\r\n")
                t.type(word + b"\r")
            t.run(b"", b" 0 failed")
            t.run(b"nonsense\r", b"nonsense: not found\r\n")
            t.run(b"abandoned\x03", b"^C")
            t.type(b"poweroff\r")
            g.wait(30)
            check(g.status() == 0, g.report())
        check(img.cat("/root/x") == b"one two\n", "the file is not on the disk")
        check(img.fsck()[0] == 0, img.fsck()[1])
