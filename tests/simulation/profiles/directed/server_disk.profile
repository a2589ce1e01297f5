# For mutants: commits fail, and others ask before the next one.
devices 4
hours 12
events 300
swarm 0
delay_ms 300
work 300
sync 500
live 60
server_error 60
server_sync 120
