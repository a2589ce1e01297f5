# A good week: what must hold when nothing breaks.
devices 5
hours 168
events 400
swarm 0
delay_ms 300
work 500
sync 300
live 60
cable 40
service_times 8
customer 60
role 5
queues 10
release 5
