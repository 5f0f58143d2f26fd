"""What documents say of the guest's devices, as far as only its domain depends on it."""

from __future__ import annotations

from converge.documents import Text, load
from converge.model import DomainOptions, GuestNetwork

VMI = """
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata:
  name: web
  annotations:
    net.converge/netns: web
    kubevirt.io/pci-interface-slot-count: "11"
    kubevirt.io/placePCIDevicesOnRootComplex: "true"
spec:
  architecture: s390x
  domain:
    cpu: {cores: 4}
    launchSecurity: {sev: {}}
    devices:
      useVirtioTransitional: true
      networkInterfaceMultiqueue: true
      interfaces: [{name: default, masquerade: {}, bootOrder: 1, pciAddress: "0000:81:01.0", acpiIndex: 7}]
  networks: [{name: default, pod: {}}]
status:
  interfaces: [{name: default, infoSource: domain, queueCount: 2}]
"""
OURS = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {name: web}
spec:
  target: {netns: web}
  networks: [{name: default, pod: {}}]
  interfaces: [{name: default, masquerade: {}}]
"""


def loaded(text: str) -> GuestNetwork:
    found = load([Text("web.yaml", text.encode())])
    assert not found.diagnostics
    (document,) = found.documents
    return document


def test_a_virtual_machine_says_all_of_it() -> None:
    document = loaded(VMI)
    assert document.domain == DomainOptions("s390x", True, True, 11, True)
    (nic,) = document.nics
    assert (nic.boot_order, nic.pci_address, nic.acpi_index) == (1, "0000:81:01.0", 7)
    assert (nic.capacity, nic.queues) == (4, 2)  # of the specification, and of the guest that runs


def test_a_document_that_says_nothing_has_the_defaults() -> None:
    document = loaded(OURS)
    assert document.domain == DomainOptions()
    (nic,) = document.nics
    assert (nic.boot_order, nic.pci_address, nic.acpi_index, nic.capacity) == (None, None, None, 0)
