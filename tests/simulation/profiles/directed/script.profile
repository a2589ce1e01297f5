# For --systematic: a short day of two people, in which nothing breaks but what the plan says.
devices 2
hours 2
events 24
swarm 0
delay_ms 300
work 500
sync 500
live 40
customer 60
erase 20
backup 20
