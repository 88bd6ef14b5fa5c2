"""systemd reads the unit that is installed, and says how much is open to the service."""

import os
import re

from programs import Samples, call, main, read

KEEPER = os.path.abspath(os.environ.get("CLUSTERKEEPER", "clusterkeeper"))
UNIT = os.environ.get("UNIT", "clusterkeeper.service")
EXPOSURE_TENTHS = 15  # of 100; what systemd calls OK ends at 40


def verify(path):
    """systemd-analyze verify: silent when every line is understood and the program is there."""
    return call("systemd-analyze", "verify", "--man=no", path)


def security(path):
    """systemd-analyze security: an error above the threshold."""
    return call("systemd-analyze", "security", "--offline=yes", "--no-pager",
                f"--threshold={EXPOSURE_TENTHS}", path)


class Unit(Samples):
    """clusterkeeper.service, with the program that was built in place of the installed one."""

    def unit(self, *replaced):
        """The unit as it is installed, with some of its lines replaced: (pattern, text)."""
        with open(UNIT, encoding="utf-8") as file:
            text = file.read()
        built = (r"exec \S*/clusterkeeper ", f"exec {KEEPER} ")
        for pattern, new in (built, *replaced):
            text, count = re.subn(pattern, lambda _, new=new: new, text)
            self.assertEqual(count, 1, pattern)
        return self.sample("clusterkeeper.service", text)

    def test_it_is_understood(self):
        self.assert_silent(verify(self.unit()))

    def test_little_is_open(self):
        told = security(self.unit())
        self.assertEqual(told.code, 0, told.text)
        print(told.out.strip().splitlines()[-1])

    def test_its_line_starts_the_program_with_the_token(self):
        """The command of ExecStart, as a shell runs it once systemd has filled in the directory."""
        line = re.search(r"^ExecStart=/bin/sh -euc '(.*)'$", read(UNIT), re.MULTILINE).group(1)
        self.sample("token", "dapi-of-the-file\n")
        self.sample("program", "#!/bin/sh\necho \"$DATABRICKS_TOKEN $*\"\n")
        os.chmod(os.path.join(self.directory, "program"), 0o700)
        line = re.sub(r"exec \S*/clusterkeeper ", f"exec {self.directory}/program ", line)
        line = line.replace("%d", self.directory).replace("$$", "$")
        told = call("/bin/sh", "-euc", line)
        self.assertEqual(told.said, "dapi-of-the-file run /srv/clusters\n")
        os.unlink(os.path.join(self.directory, "token"))
        self.assertNotEqual(call("/bin/sh", "-euc", line).code, 0)

    def test_bad_samples(self):
        for replaced, word in (
                ((r"ProtectSystem=strict", "ProtectSystm=strict"), "ProtectSystm"),
                ((r"Type=notify", "Type=notified"), "notified"),
                ((r"ExecStart=/bin/sh", "ExecStart=/bin/none"), "/bin/none"),
                ((r"@privileged", "@privilegd"), "privilegd")):
            with self.subTest(word):
                self.assert_found(verify(self.unit(replaced)), word)
        told = security(self.unit((r"DynamicUser=yes", "User=root"), (r"SystemCallFilter=@\S+", "")))
        self.assertNotEqual(told.code, 0, told.text)


if __name__ == "__main__":
    main("systemd-analyze", "systemd")
