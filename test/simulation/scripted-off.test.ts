import { cutEverywhere } from './scripted.ts'

cutEverywhere('off')
