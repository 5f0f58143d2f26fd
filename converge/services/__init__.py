"""What the programs that serve a guest are told, as text from intent. Pure: no program is run and no file is read.

resolv    a resolv.conf and the document's own DNS words -> what the guest is told about DNS
options   what one DHCPv4 option can hold, and how much of them fits into a reply
quoting   text of a user -> one word of dnsmasq's file, and never more
dnsmasq   a Service -> dnsmasq's file
leases    dnsmasq's log -> who has which address
"""
