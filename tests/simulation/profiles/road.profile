# Clocks that go wrong, machines that sleep for weeks, lines that carry one way or nothing, programs of another version.
devices 4
hours 72
events 250
drop 50
delay_ms 1000
work 500
sync 300
cable 30
one_way 40
clog 40
clock 60
drift 30
suspend 12
reboot 20
crash 10
server_crash 5
role 10
queues 10
service_times 8
customer 40
old_client 10
meets answer lost one way
meets line clogged
meets clock drifts
meets clock back more than an hour
meets suspended for more than 7 days
meets reboot
meets old client refused
