#!/usr/bin/env python3
"""Checks what the compositions of docker-compose promise, without Docker: docker-compose.yml with what comes on top of it.

- the image: every folder that the manifest names is copied into the builder, and .dockerignore lets through what is copied;
- every container: no root, no capability, no new privileges, a read-only root file system;
- every environment variable is a setting that docs/CONFIGURATION.md lists for the program, or one that gateway.sh reads;
- a volume that a container only reads keeps the owner that its writer's image gives it;
- every secret that a setting names as a file is mounted, and deploy/secrets.sh makes it;
- `docker-compose up`: ports are published on 127.0.0.1, nothing has to be given, and secrets come from the volume that holds them;
- with compose.production.yml: everybody needs a token, TLS to browsers, Redis and PostgreSQL, no password in the environment,
  and only the gateway is published.

Run by scripts/setup-lint.sh's Python, .venv-lint."""

import importlib
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
# Their images run as users of their own, or as nobody.
UNPRIVILEGED_IMAGES = ("prom/prometheus:", "grafana/grafana")
# Made by hand: the certificate that browsers see.
GIVEN = {"gateway-certificate", "gateway-key"}


def merged(*paths):
    """As docker-compose reads several files: mappings are joined, lists too, but a command is replaced."""
    whole = {}
    for path in paths:
        whole = join(whole, yaml.safe_load((ROOT / path).read_text()))
    return whole


def join(old, new, key=""):
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {name: join(old[name], value, name) if name in old else value for name, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and key not in ("command", "test", "entrypoint"):
        return old + new
    return new


def conditions(service):
    needs = service.get("depends_on", {})
    return [(name, need.get("condition")) for name, need in needs.items()] if isinstance(needs, dict) else []


class Composition:
    def __init__(self, *paths):
        self.name = paths[-1]
        self.whole = merged(*paths)
        self.services = self.whole["services"]
        self.programs = importlib.import_module("check-kubernetes").settings()
        self.made = (ROOT / "deploy/secrets.sh").read_text()

    def ours(self):
        return {name: service for name, service in self.services.items() if self.program(service)}

    def program(self, service):
        command = service.get("command") or [""]
        return command[0] if isinstance(command, list) and command[0] in self.programs else None

    def everywhere(self):
        known = set(re.findall(r"\$\{(GATEWAY_\w+):=", (ROOT / "deploy/gateway/gateway.sh").read_text()))
        for name, service in self.services.items():
            if name == "orchestrator":
                # It starts servers of its own, in a folder of the host.
                continue
            if service.get("read_only") is not True:
                yield f"{name} may write to its root file system"
            if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
                yield f"{name} keeps capabilities"
            if "no-new-privileges:true" not in service.get("security_opt", []):
                yield f"{name} may get new privileges"
            # Chorus's own image says USER; `secrets` makes files for others, without network and capabilities.
            image = service.get("image", "")
            if name != "secrets" and image != "chorus" and service.get("user", "root") in ("root", "0"):
                if not image.startswith(UNPRIVILEGED_IMAGES):
                    yield f"{name} runs as root"
            waited = {other for other, until in conditions(service) if until == "service_completed_successfully"}
            for volume in service.get("volumes", []):
                source, _, *options = volume.split(":")
                filled = any(source in str(self.services[other].get("volumes")) for other in waited)
                if source in self.whole["volumes"] and "ro" in str(options) and not filled and "nocopy" not in str(options):
                    yield f"{name} gives the volume {source} an owner while it is empty"
            if name == "gateway":
                for key in sorted(set(service["environment"]) - known):
                    yield f"{name}: {key} is nothing that gateway.sh reads"
        if not re.search(r"^USER (?!root|0)", (ROOT / "Dockerfile").read_text(), re.M):
            yield "the image of the services runs as root"
        everybody = set().union(*self.programs.values())
        for name, service in self.ours().items():
            own = set(self.programs[self.program(service)])
            for key in sorted(set(service["environment"]) - own):
                if key.removesuffix("_FILE") not in own | everybody:
                    yield f"{name}: {key} is no setting"

    def secret_files(self, service):
        for value in service.get("environment", {}).values():
            # Of `${NAME-default}` the default.
            if found := re.search(r"/run/secrets/([\w-]+)", str(value)):
                yield found[1]
        command = service.get("command") or ""
        yield from re.findall(r"/run/secrets/([\w-]+)", command if isinstance(command, str) else " ".join(command))

    def laboratory(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                if not port.startswith("${PUBLISH_ADDRESS:-127.0.0.1}:"):
                    yield f"{name} publishes {port} on every address"
            if self.program(service) and "secrets:/run/secrets:ro" not in service.get("volumes", []):
                yield f"{name} has no secrets"
            if ":?" in str(service):
                yield f"{name} wants something to be given"
        for name, service in self.ours().items():
            if service["environment"]["AUTH"] != "${AUTH:-off}":
                yield f"{name}: AUTH is {service['environment']['AUTH']}"

    def production(self):
        for name, service in self.services.items():
            if service.get("ports") and name != "gateway":
                yield f"{name} is published"
            mounted = set(service.get("secrets", []))
            for secret in sorted(mounted):
                stem = secret.removesuffix("-redis-url").removesuffix("-certificate").removesuffix("-key")
                if secret not in self.whole["secrets"]:
                    yield f"{name}: {secret} is no file"
                if secret not in GIVEN and not re.search(rf"\b{secret}\b|\b{stem}\b", self.made):
                    yield f"deploy/secrets.sh does not make {secret}"
            for secret in sorted(set(self.secret_files(service)) - mounted):
                yield f"{name} reads {secret}, which is not mounted"
            for key, value in service.get("environment", {}).items():
                if re.search(r"PASSWORD|TOKEN|SECRET|REDIS_URL|DATABASE_URL|SIGNING", key) and not key.endswith("_FILE"):
                    yield f"{name} has {key} in its environment: {value}"
        for name, service in self.ours().items():
            environment = service["environment"]
            if environment["AUTH"] != "required":
                yield f"{name}: AUTH is {environment['AUTH']}"
            if environment.get("REDIS_TLS_CA_FILE") != "/run/secrets/authority":
                yield f"{name} does not check the certificate of Redis"
            if not str(environment.get("ALLOWED_ORIGINS", "")).startswith("https://${PUBLIC_HOST}"):
                yield f"{name}: ALLOWED_ORIGINS is {environment.get('ALLOWED_ORIGINS')}"
        gateway = self.services["gateway"]["environment"]
        for key, value in {"GATEWAY_AUTH": "required", "GATEWAY_TLS": "given"}.items():
            if gateway[key] != value:
                yield f"gateway: {key} is {gateway[key]}"
        redis = self.services["redis"]["command"]
        if "--port 0 " not in redis or "--tls-port 6379" not in redis or "--aclfile" not in redis:
            yield "redis can be reached without TLS, or without a password"
        if "-c ssl=on" not in " ".join(self.services["postgres"]["command"]):
            yield "postgres has no TLS"
        rules = [line.split() for line in (ROOT / "deploy/postgres/hba.conf").read_text().splitlines()]
        remote = [rule for rule in rules if rule and rule[0].startswith("host")]
        if not remote or any(rule[0] != "hostssl" and rule[-1] != "reject" for rule in remote if rule[3:4] != ["127.0.0.1/32"]):
            yield "postgres lets somebody in without TLS"


def image():
    """What `docker build` would not find."""
    copied = [
        word.rstrip("/*") for line in re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
        for word in line.split()]
    let_through = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    needed = ["Sources", *re.findall(r'path: "([^"]+)"', (ROOT / "Package.swift").read_text())]

    def missing(wanted, folders):
        return [one for one in wanted if not any(one == folder or one.startswith(f"{folder}/") for folder in folders)]

    yield from (f"Package.swift names {one}, which is not copied into the builder" for one in missing(needed, copied))
    yield from (f"{one} is copied, and .dockerignore keeps it back" for one in missing(copied, let_through))


def main():
    laboratory = Composition("docker-compose.yml", "docker-compose.override.yml")
    production = Composition("docker-compose.yml", "compose.production.yml")
    findings = [f"Dockerfile: {finding}" for finding in image()] + [f"{made.name}: {finding}" for made, checks in (
        (laboratory, (laboratory.everywhere, laboratory.laboratory)),
        (production, (production.everywhere, production.production))) for check in checks for finding in check()]
    for finding in findings:
        print(f"compose: {finding}")
    if not findings:
        print(f"compose: {len(laboratory.services)} and {len(production.services)} containers, each as promised")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
