# No memory, another program that writes, a server's clock that is set; more work and more news than a day has.
devices 4
hours 48
events 250
drop 50
delay_ms 1000
work 500
sync 300
live 30
cable 20
crash 10
server_restart 6
server_crash 5
service_times 8
customer 40
role 8
queues 8
memory 60
pile 2
server_clock 12
server_busy 20
fall_behind 2
meets no memory
meets not saved
meets backlog of more than 1,000 sets
meets server's clock set ahead
meets server's clock set back
meets server's clock in doubt
meets BUSY time-out
meets far behind
