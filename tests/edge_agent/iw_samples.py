# ruff: noqa: E101  # iw indents with tabs and spaces
"""What `iw` has printed on real machines, each with its source; masked octets of addresses are made up."""

STATIONS_2017 = """\
Station 80:a5:89:00:00:01 (on wlan1)
        inactive time:  8150 ms
        rx bytes:       316350
        rx packets:     3550
        tx bytes:       257146
        tx packets:     3513
        tx retries:     0
        tx failed:      0
        rx drop misc:   1
        signal:         -71 dBm
        signal avg:     -70 dBm
        tx bitrate:     39.0 MBit/s MCS 4
        rx bitrate:     19.5 MBit/s MCS 2
        authorized:     yes
        authenticated:  yes
        associated:     yes
        preamble:       short
        WMM/WME:        yes
        MFP:            no
        TDLS peer:      no
        DTIM period:    2
        beacon interval:100
        short preamble: yes
        short slot time:yes
        connected time: 28757 seconds
Station 00:04:20:00:00:02 (on wlan1)
        inactive time:  20 ms
        rx bytes:       2057855
        rx packets:     8761
        tx bytes:       576122
        tx packets:     4803
        tx retries:     0
        tx failed:      0
        rx drop misc:   0
        signal:         -64 dBm
        signal avg:     -64 dBm
        tx bitrate:     72.2 MBit/s MCS 7 short GI
        rx bitrate:     72.2 MBit/s MCS 7 short GI
"""
"""mwlwifi on LEDE: https://github.com/kaloz/mwlwifi/issues/243"""

STATIONS_CHAINS = """\
Station 8c:be:be:f5:8f:59 (on wlan0)
        inactive time:  120 ms
        rx bytes:       14835
        rx packets:     296
        tx bytes:       10450
        tx packets:     90
        tx retries:     1
        tx failed:      0
        rx drop misc:   0
        signal:         -57 [-62, -59] dBm
        signal avg:     -66 [-71, -69] dBm
"""
"""ath9k on OpenWrt 19.07, with the signal of each antenna: https://github.com/openwrt/packages/issues/16471"""

STATIONS_ACK = """\
Station 00:03:7f:12:df:df (on wlp88s0)
        inactive time:  75 ms
        rx bytes:       11599
        rx packets:     99
        tx bytes:       9029
        tx packets:     81
        tx retries:     4
        tx failed:      0
        rx drop misc:   2
        signal:         -16 dBm
        signal avg:     -24 dBm
        tx bitrate:     1560.0 MBit/s VHT-MCS 9 80MHz VHT-NSS 4
        tx duration:    9230 us
        rx bitrate:     1560.0 MBit/s VHT-MCS 9 80MHz VHT-NSS 4
        rx duration:    7201 us
        last ack signal:-23 dBm
        avg ack signal: -22 dBm
"""
"""ath11k, with the signal of acknowledgements: linux-wireless, "fix ack signal strength calculation"."""

STATIONS_2024 = """\
Station b4:8b:95:aa:b8:f0 (on wlx00c140510104)
	inactive time:	9752 ms
	rx bytes:	6074902
	rx packets:	113023
	tx bytes:	2142543
	tx packets:	25806
	tx retries:	29099
	tx failed:	262
	rx drop misc:	1954
	signal:  	-33 dBm
	signal avg:	-38 dBm
	tx bitrate:	72.2 MBit/s MCS 7 short GI
	tx duration:	0 us
	rx bitrate:	1.0 MBit/s
	rx duration:	0 us
	expected throughput:	21.240Mbps
	authorized:	yes
	authenticated:	yes
	associated:	yes
	preamble:	short
	WMM/WME:	yes
	MFP:		no
	TDLS peer:	no
	DTIM period:	2
	beacon interval:100
	short slot time:yes
	connected time:	170543 seconds
	associated at [boottime]:	1048.269s
	associated at:	1711234188512 ms
	current time:	1711404731309 ms
"""
"""A USB adapter in 2024, iw from 5.4 on: from a comment in a public script that reads it."""

STATIONS_WIFI7 = """\
Station 00:03:7f:04:31:78 (on wlan0)
	authorized:     yes
	authenticated:  yes
	associated:     yes
	preamble:       long
	WMM/WME:        yes
	MFP:            yes
	TDLS peer:      no
	connected time: 383 seconds
	associated at [boottime]:       93.740s
	associated at:  93685 ms
	current time:   340046 ms
        MLD address: 00:03:7f:04:31:78
        Link 0:
                Address: 00:03:7f:04:31:78
                inactive time:  330120 ms
                rx bytes:       116
                rx packets:     3
                tx bytes:       0
                tx packets:     0
                tx retries:     0
                tx failed:      0
                rx drop misc:   0
                signal:         -95 dBm
                tx bitrate:     6.0 MBit/s
                tx duration:    2669 us
                rx duration:    0 us
	        DTIM period:    2
	        beacon interval:100
        Link 1:
                Address: 00:03:7f:04:31:79
                inactive time:  81268 ms
                rx bytes:       1323
                rx packets:     12
                tx bytes:       1538
                tx packets:     8
                tx retries:     0
                tx failed:      0
                rx drop misc:   0
"""
"""Two links of one device: linux-wireless, "cfg80211/mac80211: add support to handle per link statistics"."""

STATION_TERSE = """\
Station 02:00:00:00:00:07 (on wlan0)
	rx packets:	1428888
	tx packets:	6618022
	tx failed:	0
	signal:  	-45 dBm
	tx bitrate:	72.2 MBit/s
	current time:	1598466194518 ms
"""
"""rtl8723bs says nothing of the last frame: https://github.com/mdlayher/wifi/issues/27"""

INFO_MONITOR = """\
Interface wlan0
        ifindex 3
        wdev 0x1
        addr 20:0d:b0:47:57:79
        type monitor
        wiphy 0
        channel 149 (5745 MHz), width: 80 MHz, center1: 5775 MHz
        txpower 18.00 dBm
"""
"""iw 5.9: https://github.com/OpenIPC/firmware/issues/1209"""

INFO_MANAGED = """\
phy#1
        Interface wlan1
                ifindex 4
                wdev 0x100000001
                addr 00:c0:ca:b3:ff:c7
                type managed
                txpower 1.00 dBm
                multicast TXQ:
                        qsz-byt qsz-pkt flows   drops   marks   overlmt hashcol tx-bytes        tx-packets
                        0       0       0       0       0       0       0       0               0
"""
"""`iw dev` of an mt7601u on a Raspberry Pi: https://github.com/morrownr/USB-WiFi/issues/379"""

PHY_MONITOR = """\
Wiphy phy1
	max # scan SSIDs: 4
	max scan IEs length: 2257 bytes
	Retry short limit: 7
	Retry long limit: 4
	Coverage class: 0 (up to 0m)
	Device supports T-DLS.
	Available Antennas: TX 0x1 RX 0x1
	Configured Antennas: TX 0x1 RX 0x1
	Supported interface modes:
		 * IBSS
		 * managed
		 * AP
		 * AP/VLAN
		 * monitor
		 * mesh point
	Band 1:
		Capabilities: 0x196e
"""
"""A USB adapter on Raspbian: https://github.com/Ragnt/AngryOxide/issues/36"""

PHY_NO_MONITOR = """\
Wiphy phy0
	max # scan SSIDs: 10
	max scan IEs length: 2048 bytes
	Retry short limit: 7
	Retry long limit: 4
	Coverage class: 0 (up to 0m)
	Device supports roaming.
	Device supports T-DLS.
	Available Antennas: TX 0 RX 0
	Supported interface modes:
		 * IBSS
		 * managed
		 * AP
		 * P2P-client
		 * P2P-GO
		 * P2P-device
	Band 1:
		Capabilities: 0x1020
"""
"""The Pi 3's own Wi-Fi: https://github.com/guysoft/OctoPi/issues/238"""

REG_UNSET = """\
global
country 00: DFS-UNSET
	(2402 - 2472 @ 40), (N/A, 20), (N/A)
	(2457 - 2482 @ 20), (N/A, 20), (N/A), AUTO-BW, PASSIVE-SCAN
	(5170 - 5250 @ 80), (N/A, 20), (N/A), AUTO-BW, PASSIVE-SCAN
"""
"""https://github.com/raspberrypi/rpi-imager/issues/345"""

REG_SET = """\
global
country GB: DFS-ETSI
	(2400 - 2483 @ 40), (N/A, 20), (N/A)
	(5150 - 5250 @ 80), (N/A, 23), (N/A), NO-OUTDOOR, AUTO-BW
	(57000 - 71000 @ 2160), (N/A, 40), (N/A)

phy#0
country 99: DFS-UNSET
	(2402 - 2482 @ 40), (6, 20), (N/A)
	(5140 - 5360 @ 160), (6, 20), (N/A)
"""
"""A Pi 5: https://github.com/raspberrypi/rpi-image-gen/pull/253"""
