#!/usr/bin/env python3
"""Checks deploy/kubernetes without a cluster: every overlay is rendered by kubectl and read by kubernetes-validate (strict;
a warning fails), and then held against what the services need:

- a pod has more time to stop than preStop, drain and stop timeout take together;
- no root, no capability, no writable root file system, no token of the cluster, in every container, those of Jobs too;
- every environment variable is a setting that docs/CONFIGURATION.md (made from --print-configuration) lists for the program,
  or one that deploy/gateway/gateway.sh reads;
- every secret that a setting names as a file is mounted, and deploy/secrets.sh makes it;
- every workload has a PodDisruptionBudget and probes, and each name that the gateway is given is a Service's;
- the gateway knows as many Readers as the autoscaler may start, and who makes the Redis Cluster as many nodes as there are;
- the PrometheusRule has the rules of deploy/prometheus/alerts.yml (`--write` makes it), and PostgreSQL's hba.conf is the same.

Run by scripts/setup-lint.sh's Python, .venv-lint."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
KUBERNETES = ROOT / "deploy/kubernetes"
RULES = KUBERNETES / "components/monitoring/rules.yaml"
BIN = Path(sys.executable).parent
# Kinds that come from the Prometheus operator, whose schemas kubernetes-validate does not have.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}
# Variables that are no settings: they only stand in the values of others.
HELPERS = {"POD_NAME"}
OTHER_IMAGES = ("redis:", "postgres:")


def settings():
    """The keys of each program, by docs/CONFIGURATION.md, with their defaults."""
    programs, program = {}, None
    for line in (ROOT / "docs/CONFIGURATION.md").read_text().splitlines():
        if match := re.fullmatch(r"## (\w+API)", line):
            program = programs.setdefault(match[1], {})
        elif program is not None and (match := re.match(r"\| (`\w+`(?: or `\w+`)?) \| [^|]* \| [^|]* \| ([^|]*) \|", line)):
            for key in re.findall(r"`(\w+)`", match[1]):
                program[key] = match[2].strip("` ")
    return programs


def alerts():
    return yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]


def rule(groups):
    head = "# Made from deploy/prometheus/alerts.yml by `scripts/check-kubernetes.py --write`.\n"
    body = {
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "chorus"},
        "spec": {"groups": groups},
    }
    return head + yaml.safe_dump(body, sort_keys=False, width=120)


class Overlay:
    def __init__(self, text, programs):
        self.programs = programs
        self.objects = [entry for entry in yaml.safe_load_all(text) if entry]
        self.maps = {o["metadata"]["name"]: o.get("data", {}) for o in self.of("ConfigMap")}

    def of(self, *kinds):
        return [entry for entry in self.objects if entry["kind"] in kinds]

    def findings(self):
        for workload in self.of("Deployment", "StatefulSet"):
            name = f"{workload['kind']} {workload['metadata']['name']}"
            pod = workload["spec"]["template"]["spec"]
            for check in (self.security, self.budget, self.environment, self.stopping, self.secrets):
                for finding in check(workload, pod):
                    yield f"{name}: {finding}"
        for job in self.of("Job"):
            for check in (self.security, self.secrets):
                for finding in check(job, job["spec"]["template"]["spec"]):
                    yield f"Job {job['metadata']['name']}: {finding}"
        yield from self.names()
        yield from self.readers()
        yield from self.nodes()

    def security(self, workload, pod):
        context = pod.get("securityContext", {})
        if not context.get("runAsNonRoot") or not context.get("runAsUser"):
            yield "runs as root, or as a user without a number"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield "has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield "gets a token of the cluster"
        for container in pod["containers"] + pod.get("initContainers", []):
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False:
                yield f"container {container['name']} may get more rights"
            if not own.get("readOnlyRootFilesystem"):
                yield f"container {container['name']} may write to its root file system"
            if own.get("capabilities", {}).get("drop") != ["ALL"]:
                yield f"container {container['name']} keeps capabilities"
            if "memory" not in container.get("resources", {}).get("limits", {}):
                yield f"container {container['name']} has no limit of memory"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe not in container and workload["kind"] != "Job":
                    yield f"container {container['name']} has no {probe}"

    def budget(self, workload, pod):
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        selectors = [o["spec"]["selector"]["matchLabels"].items() for o in self.of("PodDisruptionBudget")]
        if sum(selector <= labels for selector in selectors) != 1:
            yield "is in no PodDisruptionBudget, or in several"

    def values(self, container):
        found = {}
        for source in container.get("envFrom", []):
            found |= self.maps[source["configMapRef"]["name"]]
        return found | {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}

    def environment(self, workload, pod):
        container = pod["containers"][0]
        if container["image"].startswith(OTHER_IMAGES):
            return
        if workload["metadata"]["name"] == "gateway":
            known = set(re.findall(r'\$\{(GATEWAY_\w+):=', (ROOT / "deploy/gateway/gateway.sh").read_text()))
        else:
            known = set(self.programs[container["command"][0]]) | HELPERS
        shared = {key for source in container.get("envFrom", []) for key in self.maps[source["configMapRef"]["name"]]}
        everybody = set().union(*self.programs.values())
        for key in sorted(self.values(container)):
            if key not in known and not (key in shared and key in everybody):
                yield f"{key} is no setting of it"

    def stopping(self, workload, pod):
        container = pod["containers"][0]
        values = self.values(container)
        wait = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if workload["metadata"]["name"] == "gateway":
            stop = int(values.get("GATEWAY_STOP_SECONDS", 20))
        elif container["image"].startswith(OTHER_IMAGES):
            # What preStop runs has an end of its own.
            stop = 30 + (10 if "exec" in container.get("lifecycle", {}).get("preStop", {}) else 0)
        else:
            own = self.programs[container["command"][0]]
            stop = sum(int(values.get(key, own.get(key, 0))) for key in ("DRAIN_SECONDS", "STOP_TIMEOUT_SECONDS"))
        if pod.get("terminationGracePeriodSeconds", 30) <= wait + stop:
            yield f"is killed after {pod.get('terminationGracePeriodSeconds', 30)} s, and may need {wait + stop} s to stop"

    def secrets(self, workload, pod):
        made = (ROOT / "deploy/secrets.sh").read_text()
        mounted = set()
        for volume in pod.get("volumes", []):
            for item in volume.get("secret", {}).get("items", []):
                mounted.add(f"/run/secrets/{item['path']}")
                stem = item["key"].removesuffix("-redis-url").removesuffix("-certificate").removesuffix("-key")
                if not re.search(rf"\b{re.escape(item['key'])}\b|\b{re.escape(stem)}\b", made):
                    yield f"deploy/secrets.sh does not make {item['key']}"
        if workload["metadata"]["name"] == "gateway":
            return
        for key, value in self.values(pod["containers"][0]).items():
            if value.startswith("/run/secrets/") and value not in mounted:
                yield f"{key} is {value}, which is not mounted"

    def names(self):
        services = {o["metadata"]["name"]: o["spec"] for o in self.of("Service")}
        text = yaml.safe_dump([o for o in self.of("Deployment", "StatefulSet")])
        for host, port in set(re.findall(r"([a-z0-9.-]+?)(?:\.chorus\.svc\.cluster\.local)?:([3-6]\d{3})\b", text)):
            name = host.split(".")[-1]
            if "/" in host or not name or name.isdigit() or name in ("redis", "postgres"):
                continue
            if name not in services or not any(entry["port"] == int(port) for entry in services[name]["ports"]):
                yield f"{host}:{port} is no port of a Service"

    def readers(self):
        autoscaler = next(o for o in self.of("HorizontalPodAutoscaler") if o["metadata"]["name"] == "reader")
        gateway = next(o for o in self.of("Deployment") if o["metadata"]["name"] == "gateway")
        known = self.values(gateway["spec"]["template"]["spec"]["containers"][0])["GATEWAY_READERS"].split()
        most = autoscaler["spec"]["maxReplicas"]
        names = [f"reader-{number}.reader.chorus.svc.cluster.local:4000" for number in range(most)]
        if known not in (names, ["reader.chorus.svc.cluster.local:4000"]):
            yield f"GATEWAY_READERS are not the {most} that the autoscaler may start"

    def nodes(self):
        redis = next((o for o in self.of("StatefulSet") if o["metadata"]["name"] == "redis"), None)
        for job in self.of("Job"):
            command = job["spec"]["template"]["spec"]["containers"][0]["command"]
            if command[2:3] != ["create"]:
                continue
            nodes, copies = int(command[3]), int(command[4])
            if redis is None or redis["spec"]["replicas"] != nodes:
                yield f"Job {job['metadata']['name']} makes a cluster of {nodes} nodes, which is not how many there are"
            if nodes < 3 * (1 + copies):
                yield f"Job {job['metadata']['name']}: {nodes} nodes are less than three masters with {copies} replicas each"


def main():
    if sys.argv[1:] == ["--write"]:
        RULES.write_text(rule(alerts()))
        return 0
    findings = []
    if not RULES.exists() or RULES.read_text() != rule(alerts()):
        findings.append("components/monitoring/rules.yaml is not made from alerts.yml: scripts/check-kubernetes.py --write")
    # Kustomize reads no file above its folder.
    copy = KUBERNETES / "components/postgres/hba.conf"
    if copy.read_text() != (ROOT / "deploy/postgres/hba.conf").read_text():
        findings.append("components/postgres/hba.conf differs from deploy/postgres/hba.conf")
    programs = settings()
    overlays = sorted(path.parent for path in KUBERNETES.glob("overlays/*/kustomization.yaml"))
    if not overlays:
        findings.append("there is no overlay")
    for path in overlays:
        done = subprocess.run([BIN / "kubectl", "kustomize", path], capture_output=True, text=True)
        if done.returncode or done.stderr:
            findings.append(f"{path.name}: does not render: {done.stderr.strip()}")
            continue
        overlay = Overlay(done.stdout, programs)
        ours = yaml.safe_dump_all([o for o in overlay.objects if o["kind"] not in FOREIGN])
        checked = subprocess.run(
            [BIN / "kubernetes-validate", "--strict", "-"], input=ours, capture_output=True, text=True)
        if checked.returncode or "warn" in (checked.stdout + checked.stderr).lower():
            findings.append(f"{path.name}: {(checked.stdout + checked.stderr).strip()}")
        findings += [f"{path.name}: {finding}" for finding in overlay.findings()]
    for finding in findings:
        print(f"deploy/kubernetes: {finding}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
