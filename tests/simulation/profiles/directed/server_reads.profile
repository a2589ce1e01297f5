# For mutants: the server's disk cannot be read now and then, while pages are made.
devices 4
hours 12
events 300
swarm 0
delay_ms 300
work 300
sync 500
live 60
server_error 250
