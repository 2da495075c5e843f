"""What mahout manages on a node, as a deploy of pyinfra."""

from pyinfra import host
from pyinfra.facts.hardware import Cpus, Memory
from pyinfra.facts.server import LinuxDistribution
from pyinfra.operations import apt, files, server, systemd

for fact in (LinuxDistribution, Cpus, Memory):
    host.get_fact(fact)
apt.packages(name="packages", packages=host.data.packages, present=True)
for it in host.data.folders:
    files.directory(name=it["path"], path=it["path"], user=it["owner"], group=it["group"], mode=it["mode"].lstrip("0"))
for it in host.data.files:
    files.put(name=it["path"], src=it["source"], dest=it["path"], user=it["owner"], group=it["group"],
              mode=it["mode"].lstrip("0"), add_deploy_dir=False)
for key, value in host.data.settings.items():
    server.sysctl(name=key, key=key, value=value)
for unit in host.data.units:
    systemd.service(name=unit, service=unit, running=True, enabled=True)
for probe in host.data.probes:
    server.shell(name=probe, commands=[probe])
