"""Templates: those that people write, every corner of the library, and any number of others from a seed."""

import random

COMMON = r"""
{{ GetPrivateIP }}
{{GetPrivateIP}}
{{- GetPrivateIP -}}
 {{ GetPublicIP }}
{{ GetPrivateIPs }}
{{ GetPublicIPs }} 127.0.0.1
127.0.0.1 {{ GetPrivateIP }}
127.0.0.1 {{ GetInterfaceIP "docker0" }}
{{ GetInterfaceIP "eth0" }}
{{ GetInterfaceIP `eth1` }}
{{ GetInterfaceIPs "eth0" }}
{{ GetInterfaceIP "lo" }}
{{ GetInterfaceIPs "lo" }}
{{ GetInterfaceIP "nope" }}
{{ GetInterfaceIP "eth" }}
{{ GetInterfaceIP "^eth[0-9]$" }}
{{ GetInterfaceIP "(eth|en)[0-9]+" }}
{{ GetDefaultInterfaces | attr "address" }}
{{ GetDefaultInterfaces | include "type" "IPv4" | limit 1 | join "address" " " }}
{{ GetPrivateInterfaces | attr "address" }}
{{ GetPrivateInterfaces | join "address" " " }}
{{ GetPrivateInterfaces | include "type" "ipv6" | attr "address" }}
{{ GetPrivateInterfaces | include "network" "10.0.0.0/8" | attr "address" }}
{{ GetPrivateInterfaces | exclude "network" "172.16.0.0/12" | attr "address" }}
{{ GetPrivateInterfaces | exclude "name" "docker.*" | attr "address" }}
{{ GetPrivateInterfaces | exclude "name" "docker0|cgn" | sort "default" | limit 1 | attr "address" }}
{{ GetPrivateInterfaces | exclude "type" "ipv6" | sort "-address" | join "address" " " }}
{{ GetPublicInterfaces | attr "address" }}
{{ GetPublicInterfaces | include "type" "IPv4" | sort "size" | attr "address" }}
{{ GetAllInterfaces | include "name" "^eth" | include "flags" "forwardable|up" | attr "address" }}
{{ GetAllInterfaces | include "name" "eth0" | include "type" "IPv4" | attr "address" }}
{{ GetAllInterfaces | include "network" "10.111.67.0/24|192.168.0.0/16" | sort "+type,-size" | attr "address" }}
{{ GetAllInterfaces | include "rfc" "1918" | include "flags" "up" | sort "type,size" | join "address" "," }}
{{ GetAllInterfaces | include "type" "ipv4" | exclude "flags" "loopback" | sort "name" | attr "address" }}
{{ GetAllInterfaces | exclude "type" "ipv4" | exclude "rfc" "4291" | attr "address" }}
{{ with $local := GetPrivateIP }}{{ $local }}{{ else }}127.0.0.1{{ end }}
{{ if GetPublicIP }}{{ GetPublicIP }}{{ else }}{{ GetPrivateIP }}{{ end }}
{{ if eq (GetPublicIP) "" }}{{ GetPrivateIP }}{{ else if ne (GetPrivateIP) "" }}{{ GetPublicIP }}{{ end }}
{{ or (GetInterfaceIP "wg0") (GetInterfaceIP "eth1") GetPrivateIP }}
{{ and (GetInterfaceIP "eth0") (GetInterfaceIP "eth1") }}
{{ range GetPrivateInterfaces }}{{ attr "address" . }} {{ end }}
{{ range $i, $e := GetAllInterfaces }}{{ if $i }} {{ end }}{{ $e.Name }}={{ $e | attr "string" }}{{ else }}none{{ end }}
{{ range . }}{{ .Name }}/{{ .Index }}/{{ .MTU }}/{{ .Attr "address" }};{{ end }}
{{ . | include "type" "ipv4" | attr "name" }}
{{ $ | attr "name" }}
{{ $e := GetAllInterfaces | include "flags" "up" }}{{ len $e }}{{ if gt (len $e) 1 }}{{ (index $e 1).Name }}{{ end }}
{{ GetAllInterfaces | include "type" "ipv4" | math "network" "+1" | join "address" " " }}
{{ GetPrivateInterfaces | include "type" "ipv4" | limit 1 | math "mask" "16" | math "network" "-2" | attr "string" }}
{{/* where we are */}}{{ GetPrivateIP }}
a {{- /* nothing */ -}} b
  {{- "x" -}}
10.0.0.1
""".strip("\n").split("\n")

CORNERS = r"""
{{ print "a" 1 2 "b" true }}|{{ println 1 "x" }}|{{ printf "%s-%d %v%%" "x" 3 true }}|{{ print }}
{{ $x := 1 }}{{ $x = 2 }}{{ $x }}{{ if true }}{{ $x := 5 }}{{ $x }}{{ end }}{{ $x }}
{{ $x := 1 }}{{ if $x = 0 }}a{{ else }}b{{ end }}{{ $x }}
{{ range $e := GetAllInterfaces }}{{ range $f := GetAllInterfaces }}{{ if eq $e.Name $f.Name }}={{ else }}.{{ end }}{{ end }}{{ end }}
{{ if and true 1 "" }}a{{ else if or false 0 "x" }}b{{ end }}
{{ if not GetAllInterfaces }}none{{ end }}
{{ with GetAllInterfaces }}{{ . | attr "name" }}{{ end }}
{{ with index . 0 }}{{ .Name }}{{ end }}
{{ not (lt 1 2) }} {{ le "a" "b" }} {{ gt 3 2 }} {{ ge 2 2 }} {{ ne 1 2 }} {{ eq 1 2 1 }} {{ eq "a" "b" "c" }} {{ lt "a" "b" }}
{{ "a\tb\"\\" }}{{ `c\d` }}
{{ -3 }}{{ +4 }}{{ 0 }}
{{ true }} {{ false }}
{{ len "äb" }}
{{ ((len (.))) }}
{{ (GetPrivateIP) | print "x" }}
{{ "x" | printf "%s-%s" "y" }}
{{}}
{{ }}
{{ | GetPrivateIP }}
{{ GetPrivateIP | }}
{{ unknown }}
{{ GetPrivateIP
{{ GetPrivateIP }
GetPrivateIP }}
{{ "a""b" }}
{{ (1)(2) }}
{{ 1 | 2 }}
{{ 1 2 }}
{{ "x" | "y" }}
{{ $y }}
{{ $y = 1 }}
{{ $x := $x }}
{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}
{{ end }}
{{ else }}
{{ if true }}x
{{ if true }}x{{ else }}y{{ else }}z{{ end }}
{{ if }}x{{ end }}
{{ range }}x{{ end }}
{{ if true }}x{{ end true }}
{{ with 0 }}{{ else if true }}{{ end }}
{{ /* spaced */ }}
{{/* open }}
{{/* x */ GetPrivateIP }}
{{ "open }}
{{ `open }}
{{ limit -1 . | len }}
{{ limit 0 . | len }}
{{ limit +1 . | len }}
{{ limit 99999 . | len }}
{{ $n := 1 }}{{ limit $n . | len }}
{{ limit (len .) . | len }}
{{ limit "1" . | len }}
{{ offset 0 . | len }} {{ offset -0 . | len }}
{{ offset 1 . | len }}
{{ offset -1 . | join "name" " " }}
{{ $n := 1 }}{{ offset $n . | join "name" " " }}
{{ offset 999 . | len }}
{{ offset -999 . | len }}
{{ index . 0 | attr "string" }}
{{ index . 999 }}
{{ index . -1 }}
{{ attr "nope" . }}
{{ attr "NAME" . }}{{ range . }}{{ .Attr "name" }}{{ end }}
{{ range . }}{{ .Attr "NAME" }}{{ end }}
{{ attr . "name" }}
{{ attr "name" "x" }}
{{ attr 1 . }}
{{ GetInterfaceIP "eth0" | attr "name" }}
{{ GetPrivateIP "x" }}
{{ GetInterfaceIP }}
{{ GetInterfaceIP 1 }}
{{ GetAllInterfaces | GetPrivateIP }}
{{ GetAllInterfaces | sort "nope" }}
{{ GetAllInterfaces | sort "" }}
{{ GetAllInterfaces | sort " Name , +SIZE " | join "name" " " }}
{{ GetAllInterfaces | sort "name,port,-port" | join "name" " " }}
{{ GetAllInterfaces | unique "nope" | len }}
{{ GetAllInterfaces | unique "NAME" | join "name" " " }}
{{ GetAllInterfaces | unique "address" | len }}
{{ GetAllInterfaces | include "nope" "x" }}
{{ GetAllInterfaces | exclude "nope" "x" }}
{{ GetAllInterfaces | include "type" "ip" | len }}
{{ GetAllInterfaces | include "type" "IPv4|ipv6|ip" | join "string" " " }}
{{ GetAllInterfaces | exclude "type" "IPv4|ipv6" | join "string" " " }}
{{ GetAllInterfaces | exclude "type" "unix" | join "string" " " }}
{{ GetAllInterfaces | include "type" "x" | len }}
{{ GetAllInterfaces | include "size" "24" | join "string" " " }}
{{ GetAllInterfaces | exclude "size" "24" | join "string" " " }}
{{ GetAllInterfaces | include "size" "64" | join "string" " " }}
{{ GetAllInterfaces | include "size" "x" | join "string" " " }}
{{ GetAllInterfaces | include "size" "+8" | join "string" " " }}
{{ GetAllInterfaces | include "port" "0" | len }} {{ GetAllInterfaces | include "port" "8" | len }}
{{ GetAllInterfaces | include "address" "^10[.]" | join "string" " " }}
{{ GetAllInterfaces | exclude "address" "/" | join "string" " " }}
{{ GetAllInterfaces | include "network" "10.0.0.5" | join "string" " " }}
{{ GetAllInterfaces | exclude "network" "10.0.0.0/8|fd00::/8" | join "string" " " }}
{{ GetAllInterfaces | include "network" "10.0.0.0/33" | join "string" " " }}
{{ GetAllInterfaces | include "network" "" | join "string" " " }}
{{ GetAllInterfaces | include "rfc" "1918|1918" | join "string" " " }}
{{ GetAllInterfaces | exclude "RFCs" "1918|6598" | join "string" " " }}
{{ GetAllInterfaces | include "rfc" "1" | len }}
{{ GetAllInterfaces | include "rfc" " 1918" | len }}
{{ GetAllInterfaces | include "rfc" "" | len }}
{{ GetAllInterfaces | include "flag" "nope" | len }}
{{ GetAllInterfaces | join "nope" "," }}
{{ GetAllInterfaces | math "nope" "1" | len }}
{{ GetAllInterfaces | math "address" "1" | len }}
{{ GetAllInterfaces | math "address" "+4294967296" | len }}
{{ GetAllInterfaces | math "address" " +1" | len }}
{{ GetAllInterfaces | math "address" "+-1" | len }}
{{ GetAllInterfaces | math "mask" "33" | join "string" " " }}
{{ GetAllInterfaces | math "mask" "+8" | join "string" " " }}
{{ GetAllInterfaces | math "Mask" "0" | join "string" " " }}
{{ GetAllInterfaces | math "network" "-1" | join "string" " " }}
{{ GetAllInterfaces | include "type" "ipv4" | math "network" "+0" | join "string" " " }}
{{ eq 1 "1" }}
{{ eq true true }}
{{ lt true false }}
{{ lt 1 "x" }}
{{ eq 1 }}
{{ ne 1 2 3 }}
{{ eq }}
{{ and }}
{{ 0 | and 1 }} {{ 7 | or 0 }} {{ 7 | and 0 }}
{{ not }}
{{ len 1 }}
{{ len true }}
{{ print "x" | len }}
{{ .Nope }}
{{ "x".Len }}
{{ GetPrivateIP.Len }}
{{ range "x" }}{{ end }}
{{ $x, $y := . }}
{{ range $i, $e, $f := . }}{{ end }}
{{ range $i, := . }}{{ end }}
{{ range $e := . }}{{ end }}{{ $e }}
{{ "\q" }}
{{ 'a' }}
{{ 1x }}
{{ a-b }}
{{ @ }}
{{ . . }}
{{ .. }}
{{ $ $ }}
{{ true.x }}
{{ GetInterfaceIP "(" }}
{{ GetInterfaceIP ")" }}
{{ GetInterfaceIP "*" }}
{{ GetInterfaceIP "|*" }}
{{ GetInterfaceIP "a**" }}
{{ GetInterfaceIP "a+*?" }}
{{ GetInterfaceIP "[" }}
{{ GetInterfaceIP "[b-a]" }}
{{ GetInterfaceIP "a{2,1}" }}
{{ GetInterfaceIP "a{1001}" }}
{{ GetInterfaceIP "((a{40}){40}" }}
{{ GetInterfaceIP "(a{40}){40}" }}
{{ GetInterfaceIP "e{1}t{1,2}h\\d{0,}" }}
{{ GetInterfaceIP "e.h(0|1)+?" }}
{{ GetInterfaceIP "eth{" }}
{{ GetInterfaceIP "e{,2}" }}
{{ GetInterfaceIP `\beth0\b` }}
{{ GetInterfaceIP `\Aeth\w\z` }}
{{ GetInterfaceIP `\Bth` }}
{{ GetInterfaceIP "[^e]th" }}
{{ GetInterfaceIP "[]e]th" }}
{{ GetInterfaceIP "[^]]th" }}
{{ GetInterfaceIP "[a-f-]th" }}
{{ GetInterfaceIP `[\d\s]$` }}
{{ GetInterfaceIP `[^\W\d]` }}
{{ GetInterfaceIP `p\.` }}
{{ GetInterfaceIP "(?:e|E)th" }}
{{ GetInterfaceIP "(?i)ETH" }}
{{ GetInterfaceIP "()" }}
{{ GetInterfaceIP "" }}
{{ GetInterfaceIP "^*eth" }}
{{ GetInterfaceIP "(|e)*h0" }}
{{ GetInterfaceIP "\\" }}
""".strip("\n").split("\n")
CORNERS += ["", "\n", "{{\nGetPrivateIP\n}}\n", '{{ "a\nb" }}', "{{ `a\nb` }}", "x\n\n{{- 1 }}\t{{ 2 -}}\n y"]

ATTRIBUTES = """address broadcast first_usable flags hex host last_usable mask_bits name netmask network octets port size
string type uint128 uint32 binary""".split()
NETWORKS = "10.0.0.0/8 10.0.0.0/24 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fd00::/8 fe80::/10 2000::/3 127.0.0.1 ::1".split()
RFCS = """919 1112 1122 1918 2544 2765 2928 3056 3068 3171 3330 3849 3927 4038 4193 4291 4380 4773 4843 5180 5735 5737
6052 6333 6598 6666 6890 7335 4294967295""".split()
CORNERS += [f'{{{{ . | include "rfc" "{rfc}" | join "string" " " }}}}' for rfc in RFCS]
FLAGS = """broadcast|down|forwardable|global unicast|interface-local multicast|link-local multicast|link-local unicast|loopback
multicast|point-to-point|unspecified|up""".replace("\n", "|").split("|")
NAMES = ["eth", "^eth[0-9]+$", "veth[1-4]", "0$", "lo", "[^0-9]$", "eth(0|1)", "docker.*"]
NAMES += [r"\\d{2}", "e.*h?", "^(en|p-)", "Eth_?1"]
KEYS = "address default name port private size type".split()
SOURCES = ["GetAllInterfaces"] * 6 + ["GetPrivateInterfaces", "GetPublicInterfaces", "GetDefaultInterfaces", ".", "$"]


def generated(seed, count):
    """`count` templates: chains of functions over a list of interfaces, with something that shows what comes out."""
    draw = random.Random(seed)

    def several(words):
        return "|".join(draw.sample(words, draw.choice((1, 1, 2, 3))))

    def keys():
        return ",".join(draw.choice(("", "+", "-")) + key for key in draw.sample(KEYS, draw.choice((1, 2, 3, 4))))

    def selected():
        selectors = {
            "address": lambda: draw.choice(("^10\\\\.", ":", "/(16|24)$", "[13579]$")),
            "flags": lambda: several(FLAGS),
            "name": lambda: draw.choice(NAMES),
            "network": lambda: several(NETWORKS),
            "rfc": lambda: several(RFCS),
            "size": lambda: str(draw.choice((8, 16, 24, 31, 32))),
            "type": lambda: several(["ip", "ipv4", "IPv6", "unix"]),
        }
        selector = draw.choice(sorted(selectors))
        return f'{draw.choice(("include", "exclude"))} "{selector}" "{selectors[selector]()}"'

    def stage():
        kind = draw.random()
        if kind < 0.5:
            return selected()
        if kind < 0.7:
            return f'sort "{keys()}"'
        if kind < 0.8:
            return f"limit {draw.randrange(4)}"
        if kind < 0.85:
            return f"offset {draw.randrange(-2, 3)}"
        if kind < 0.9:
            return f'unique "{draw.choice(("address", "name"))}"'
        operation = draw.choice(("address", "network", "mask"))
        number = draw.choice((0, 1, 2, 16, 24, 255, 300, 4096, 65535, 1 << 20))
        return f'math "{operation}" "{"" if operation == "mask" else draw.choice("+-")}{number}"'

    def chain():
        return " | ".join([draw.choice(SOURCES), *(stage() for _ in range(draw.choice((0, 1, 1, 2, 2, 3, 4))))])

    def shown():
        name = draw.choice(ATTRIBUTES)
        return draw.choice(
            (
                lambda: f'{{{{ {chain()} | attr "{name}" }}}}',
                lambda: f'{{{{ {chain()} | join "{name}" " " }}}}',
                lambda: f'{{{{ {chain()} | join "string" "," }}}}',
                lambda: f'{{{{ range {chain()} }}}}{{{{ attr "{name}" . }}}} {{{{ .Name }}}},{{{{ else }}}}-{{{{ end }}}}',
                lambda: f'{{{{ with $x := {chain()} }}}}{{{{ len $x }}}} {{{{ $x | attr "{name}" }}}}{{{{ end }}}}',
                lambda: f'{{{{ if {chain()} }}}}yes{{{{ else }}}}{{{{ len ({chain()}) }}}}{{{{ end }}}}',
            )
        )()

    return [shown() for _ in range(count)]
